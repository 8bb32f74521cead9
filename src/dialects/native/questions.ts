import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { DragomanError, type KernelQuestion, kernelAnswerType, type Principal } from '../../core/index.ts';
import { abortOnDisconnect, addRoute } from '../../http/index.ts';
import type { Executions, Sessions } from '../../service/index.ts';
import { questionRoutes as routes } from './contract/questions.ts';
import type { IsCompleteBody } from './wire.ts';

/** A person waits at a prompt: a later answer is none. */
const answerMs = 3000;

/** The answers come out of a sandbox. */
const completionsClaim = z.object({
  matches: z.array(z.string().max(1000)).max(500),
  start: z.int().min(0),
  end: z.int().min(0),
});
const completenessClaim = z.object({
  status: z.enum(['complete', 'incomplete', 'invalid', 'unknown']),
  indent: z.string().max(1000).regex(/^\s*$/),
});

const words = (max: number) => z.string().transform((text) => text.slice(0, max));
const descriptionClaim = z.object({ signature: words(8000), documentation: words(8000) });
const variableClaim = z.object({
  name: words(200),
  kind: words(40),
  type: words(200),
  shape: z.array(z.int().min(0)).max(8).optional(),
  preview: words(500).optional(),
  bytes: z.int().min(0).optional(),
});
const variablesClaim = z.object({ variables: z.array(variableClaim).max(500) });

/** Asks kernels about code that is being written, and about what they hold. */
export function addQuestionRoutes(
  app: FastifyInstance,
  { executions, sessions }: { readonly executions: Executions; readonly sessions: Pick<Sessions, 'get'> },
): void {
  addRoute(app, routes.complete, async ({ params, body }, { principal }, reply) => {
    const length = [...body.code].length;
    const cursor = Math.min(body.cursor ?? length, length);
    const said = await ask(principal, params.session_id, body, { kind: 'complete', cursor }, reply);
    const { data } = completionsClaim.safeParse(said);
    const fits = data && data.start <= data.end && data.end <= length;
    return fits ? data : { matches: [], start: cursor, end: cursor };
  });
  addRoute(app, routes.isComplete, async ({ params, body }, { principal }, reply) => {
    const said = await ask(principal, params.session_id, body, { kind: 'is_complete' }, reply);
    return completenessClaim.safeParse(said).data ?? { status: 'unknown', indent: '' };
  });

  addRoute(app, routes.inspect, async ({ params, body }, { principal }, reply) => {
    const nothing = { signature: '', documentation: '' };
    if (!isPython(body.language) || !(await isLive(principal, params.session_id))) return nothing;
    const cursor = body.cursor ?? [...body.code].length;
    const said = await ask(principal, params.session_id, body, { kind: 'inspect', cursor }, reply);
    return descriptionClaim.safeParse(said).data ?? nothing;
  });
  addRoute(app, routes.variables, async ({ params, query }, { principal }, reply) => {
    const language = query.language ?? 'python';
    if (!tellsVariables(language) || !(await isLive(principal, params.session_id))) return { data: [] };
    const said = await ask(principal, params.session_id, { language, code: '' }, { kind: 'variables' }, reply);
    return { data: variablesClaim.safeParse(said).data?.variables ?? [] };
  });

  /** A session without a live sandbox knows nothing, and none is begun to say so. @throws DragomanError not_found */
  async function isLive(principal: Principal, sessionId: string): Promise<boolean> {
    return (await sessions.get(principal, sessionId)).state === 'live';
  }

  /** What the kernel claims; undefined when it claims nothing. @throws DragomanError session_busy when it does not answer in time */
  async function ask(
    principal: Principal,
    sessionId: string,
    { language, code, kernel_id: kernelId }: IsCompleteBody,
    question: KernelQuestion,
    reply: FastifyReply,
  ): Promise<unknown> {
    const request = { sessionId, language, code, kernelId: kernelId ?? undefined, wallMs: answerMs, question };
    const execution = await executions.start(principal, request);
    const gone = abortOnDisconnect(reply);
    const cancel = () => execution.cancel();
    gone.addEventListener('abort', cancel, { once: true });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      execution.cancel();
    }, answerMs);
    try {
      const { result } = await execution.done;
      return result.outputs.find(({ kind }) => kind === 'result')?.bundle[kernelAnswerType];
    } catch (error) {
      if (!isLate) throw error;
      throw new DragomanError('session_busy', { message: 'The session runs something else.', retryAfterSeconds: 1 });
    } finally {
      clearTimeout(timer);
      gone.removeEventListener('abort', cancel);
    }
  }
}

/** Languages whose kernels know their variables without running code: Python, JavaScript and what runs in its kernel. */
const tellsVariables = (language: string) =>
  isPython(language) || /^(javascript|js|node|typescript|ts)$/i.test(language);

const isPython = (language: string) => /^(python3?|py)$/i.test(language);
