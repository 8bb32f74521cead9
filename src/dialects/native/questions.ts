import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { DragomanError, type KernelQuestion, kernelAnswerType, type Principal } from '../../core/index.ts';
import { abortOnDisconnect, addRoute } from '../../http/index.ts';
import type { Executions } from '../../service/index.ts';
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

/** Asks kernels about code that is being written. */
export function addQuestionRoutes(app: FastifyInstance, { executions }: { readonly executions: Executions }): void {
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
