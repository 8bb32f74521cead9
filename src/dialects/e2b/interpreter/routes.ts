import type { FastifyInstance } from 'fastify';
import { DragomanError, type Principal } from '../../../core/index.ts';
import { abortOnDisconnect, addRoute } from '../../../http/index.ts';
import type { KernelInfo } from '../../../service/index.ts';
import { fromHome, toHome } from '../../sandboxes/paths.ts';
import { RunCounts } from '../../sandboxes/run-counts.ts';
import { interpreterRoutes as routes } from '../contract.ts';
import { UnreachableError, WireError, wireError } from '../errors.ts';
import { isGone, reach } from '../reach.ts';
import { notesOf } from '../sandbox.ts';
import type { E2BServices } from '../services.ts';
import { linesOf, sendLines } from './lines.ts';

/** Contexts that are there before any code has run. */
const early = ['python', 'javascript'];

/** Running code in a sandbox, in contexts that keep their variables. Errors are plain text here. */
export function addInterpreterRoutes(app: FastifyInstance, services: E2BServices): void {
  const { executions, kernels, now } = services;
  const counts = new RunCounts();

  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof UnreachableError) return reply.code(502).send(error.body);
    const { status, message } = wireError(error);
    // Credentials are checked before the interpreter, and in the words of what does that.
    if (status === 401) return reply.code(401).send({ code: 401, message });
    return reply.code(status).type('text/plain; charset=utf-8').send(message);
  });

  addRoute(app, routes.health, async ({ params }, _request, reply) => {
    await reach(services, params.sandbox_id);
    return reply.type('application/json').send('"OK"');
  });

  addRoute(app, routes.execute, async ({ params: { sandbox_id: id }, body }, { principal }, reply) => {
    const { info } = await reach(services, id);
    const { code, context_id: contextId, language: named, env_vars: env } = body;
    if (contextId && named) throw new WireError(400, 'Only one of context_id or language can be provided');
    const kernel = contextId ? await contextOf(principal, info.id, contextId) : undefined;
    const execution = await executions
      .start(principal, {
        sessionId: info.id,
        kernelId: kernel?.isDefault ? undefined : kernel?.id,
        language: kernel?.language ?? languageOf(named),
        code,
        // A client has no limit to send: it hangs up when it has waited long enough.
        wallMs: Number.MAX_SAFE_INTEGER,
        env: { ...notesOf(info).env, ...env },
      })
      .catch((error) => {
        throw isGone(error) ? new UnreachableError(id) : error;
      });
    const gone = abortOnDisconnect(reply);
    gone.addEventListener('abort', () => execution.cancel());
    const count = counts.next(principal, `${info.id} ${kernel?.id ?? execution.language}`);
    return sendLines(reply, linesOf(execution, count, gone, now));
  });

  addRoute(app, routes.createContext, async ({ params: { sandbox_id: id }, body }, { principal }) => {
    const { info } = await reach(services, id);
    const language = languageOf(body.language);
    const directory = fromHome(body.cwd ?? undefined);
    if (directory === undefined) throw new WireError(400, `cwd: a context works in ${toHome('')} or below it`);
    return contextAnswer(await kernels.create(principal, info.id, { language, directory }).catch(explained(language)));
  });
  addRoute(app, routes.listContexts, async ({ params: { sandbox_id: id } }, { principal }) => {
    const { info } = await reach(services, id);
    return (await contexts(principal, info.id)).map(contextAnswer);
  });
  for (const [route, work] of [
    [routes.deleteContext, 'delete'],
    [routes.restartContext, 'restart'],
  ] as const)
    addRoute(app, route, async ({ params: { sandbox_id: id, context_id: contextId } }, { principal }, reply) => {
      const { info } = await reach(services, id);
      const kernel = await contextOf(principal, info.id, contextId);
      const hasRun = (await kernels.list(principal, info.id)).some((each) => each.id === kernel.id);
      if (hasRun) await kernels[work](principal, info.id, kernel.id);
      return reply.type('application/json').send('null');
    });

  async function contexts(principal: Principal, id: string): Promise<Context[]> {
    const there = await kernels.list(principal, id);
    const missing = early.filter((name) => !there.some((kernel) => kernel.id === name));
    return [...missing.map((name) => ({ id: name, language: name, directory: '', isDefault: true })), ...there];
  }

  async function contextOf(principal: Principal, id: string, contextId: string): Promise<Context> {
    const found = (await contexts(principal, id)).find((each) => each.id === contextId);
    if (!found) throw new WireError(404, `Context ${contextId.slice(0, 64)} not found`);
    return found;
  }
}

type Context = Pick<KernelInfo, 'id' | 'language' | 'directory' | 'isDefault'>;

const contextAnswer = ({ id, language, directory }: Context) => ({ id, language, cwd: toHome(directory) });

/** The service knows `js` and `ts` itself. */
const languageOf = (named: string | null | undefined) => named?.trim().toLowerCase() || 'python';

/** A language without an interpreter that stays runs its code, and has no contexts. */
const explained =
  (language: string) =>
  (error: unknown): never => {
    if (error instanceof DragomanError && error.code === 'invalid_request' && / has no kernel/.test(error.message))
      throw new WireError(
        501,
        `${language.slice(0, 64)}: there are no contexts of this language; run its code without one`,
      );
    throw error;
  };
