import type { FastifyInstance } from 'fastify';
import { FairStore, type Principal } from '../../core/index.ts';
import { abortOnDisconnect, addRoute, type Frame, sendEvents } from '../../http/index.ts';
import type { KernelInfo, RunningExecution } from '../../service/index.ts';
import { follow } from '../sandboxes/follow.ts';
import { sandboxOf } from '../sandboxes/list.ts';
import { RunCounts } from '../sandboxes/run-counts.ts';
import { measured } from '../sandboxes/usage.ts';
import { codeRoutes as routes } from './contract.ts';
import { noContext, noSandbox, wireError } from './errors.ts';
import { face, notesOf } from './sandbox.ts';
import type { OpenSandboxServices } from './services.ts';

const mebibyte = 1024 ** 2;

/** Running code in a sandbox, in contexts that keep their variables. */
export function addCodeRoutes(app: FastifyInstance, services: OpenSandboxServices): void {
  const { sessions, executions, kernels, now } = services;
  const counts = new RunCounts();
  /** Code under way, by the id that its first event tells. */
  const running = new FairStore<RunningExecution>({ maxEntries: 20_000, maxBytes: 20_000, ttlMs: 86_400_000 });
  const find = (principal: Principal, id: string) => sandboxOf(sessions, principal, face, id, noSandbox);
  const contextOf = async (principal: Principal, id: string, contextId: string) => {
    const found = (await kernels.list(principal, id)).find((kernel) => kernel.id === contextId);
    if (!found) throw noContext(contextId);
    return found;
  };

  addRoute(app, routes.ping, async ({ params }, { principal }, reply) => {
    await find(principal, params.sandbox_id);
    return reply.code(200).send();
  });

  addRoute(app, routes.metrics, async ({ params }, { principal }) => {
    const info = await find(principal, params.sandbox_id);
    const { limits, cpuPercent, memoryBytes } = await measured(sessions, principal, info.id);
    return {
      cpu_count: limits.cpus,
      cpu_used_pct: cpuPercent,
      mem_total_mib: limits.memoryBytes / mebibyte,
      mem_used_mib: Math.round((memoryBytes / mebibyte) * 100) / 100,
      timestamp: now(),
    };
  });

  addRoute(app, routes.run, async ({ params, body }, { principal }, reply) => {
    const info = await find(principal, params.sandbox_id);
    const contextId = body.context?.id || undefined;
    const kernel = contextId === undefined ? undefined : await contextOf(principal, info.id, contextId);
    const language = kernel?.language ?? body.context?.language ?? 'python';
    const execution = await executions.start(principal, {
      sessionId: info.id,
      kernelId: kernel?.isDefault ? undefined : kernel?.id,
      language,
      code: body.code,
      wallMs: Number.MAX_SAFE_INTEGER,
      env: notesOf(info).env,
    });
    const key = { tenant: principal.tenant, principalId: principal.id, id: execution.id };
    running.set(key, execution, 1);
    const forget = () => void running.delete(key);
    execution.done.then(forget, forget);
    const gone = abortOnDisconnect(reply);
    gone.addEventListener('abort', () => execution.cancel());
    const count = counts.next(principal, `${info.id} ${kernel?.id ?? execution.language}`);
    const ping = { data: { type: 'ping', text: 'pong', timestamp: now() } };
    return sendEvents(reply, eventsOf(execution, count, gone, now), ping);
  });

  addRoute(app, routes.interrupt, async ({ params, query: { id = '' } }, { principal }, reply) => {
    const info = await find(principal, params.sandbox_id);
    const execution = running.get({ tenant: principal.tenant, principalId: principal.id, id });
    if (!execution || execution.sessionId !== info.id) throw noContext(id);
    execution.cancel();
    return reply.code(200).send();
  });

  addRoute(app, routes.createContext, async ({ params, body }, { principal }) => {
    const info = await find(principal, params.sandbox_id);
    const directory = folderOf(body.cwd ?? undefined);
    return contextAnswer(await kernels.create(principal, info.id, { language: body.language || 'python', directory }));
  });
  addRoute(app, routes.listContexts, async ({ params, query: { language } }, { principal }) => {
    const info = await find(principal, params.sandbox_id);
    const all = await kernels.list(principal, info.id);
    return all.filter((kernel) => !language || kernel.language === language.toLowerCase()).map(contextAnswer);
  });
  addRoute(app, routes.deleteContexts, async ({ params, query: { language } }, { principal }, reply) => {
    const info = await find(principal, params.sandbox_id);
    for (const kernel of await kernels.list(principal, info.id))
      if (!language || kernel.language === language.toLowerCase()) await kernels.delete(principal, info.id, kernel.id);
    return reply.code(200).send();
  });
  addRoute(app, routes.readContext, async ({ params }, { principal }) => {
    const info = await find(principal, params.sandbox_id);
    return contextAnswer(await contextOf(principal, info.id, params.context_id));
  });
  addRoute(app, routes.deleteContext, async ({ params }, { principal }, reply) => {
    const info = await find(principal, params.sandbox_id);
    await contextOf(principal, info.id, params.context_id);
    await kernels.delete(principal, info.id, params.context_id);
    return reply.code(200).send();
  });
}

const contextAnswer = ({ id, language }: KernelInfo) => ({ id, language });

/** An absolute working directory in the workspace, relative to it. */
const folderOf = (cwd: string | undefined) => cwd?.replace(/^(?:\/mnt\/data|\/home\/user|~)(?:\/|$)|^\.?\/?$/, '');

/** What was refused before the execution began has a status of its own; later everything is an event. */
async function* eventsOf(
  execution: RunningExecution,
  count: number,
  gone: AbortSignal,
  now: () => number,
): AsyncGenerator<Frame> {
  const event = (type: string, more: object): Frame => ({ data: { type, timestamp: now(), ...more } });
  yield event('init', { text: execution.id });
  yield event('execution_count', { execution_count: count });
  let hasFailed = false;
  try {
    for await (const shown of follow(execution, gone)) {
      if (shown.type === 'stdout' || shown.type === 'stderr') yield event(shown.type, { text: shown.text });
      else if (shown.type === 'show') yield event('result', { results: renamed(shown.bundle) });
      else if (shown.type === 'fault') {
        hasFailed = true;
        const { name: ename, value: evalue, traceback } = shown.fault;
        yield event('error', { error: { ename, evalue, traceback } });
      } else if (shown.type === 'ended' && !hasFailed) {
        yield event('execution_complete', { execution_time: Math.round(shown.execution.result.usage.wallMs) });
      }
    }
  } catch (error) {
    if (gone.aborted) return;
    const { wireCode: ename, message } = wireError(error);
    yield event('error', { error: { ename, evalue: message, traceback: [message] } });
  }
}

function renamed({ 'text/plain': text, ...others }: Readonly<Record<string, unknown>>) {
  return text === undefined ? others : { text, ...others };
}
