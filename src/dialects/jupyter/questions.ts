import { z } from 'zod';
import { type KernelQuestion, kernelAnswerType } from '../../core/index.ts';
import type { RunningExecution } from '../../service/index.ts';
import { type CellHost, type Request, replyName } from './host.ts';
import type { Fields } from './wire.ts';

/** A person waits at a prompt: a later answer is none. */
const answerMs = 3000;

/** What clients ask about code that is being written. The answers come out of a sandbox. */

const completions = z.object({
  matches: z.array(z.string().max(1000)).max(1000),
  start: z.int().min(0),
  end: z.int().min(0),
});
const completeness = z.object({
  status: z.enum(['complete', 'incomplete', 'invalid', 'unknown']),
  indent: z.string().max(1000).regex(/^\s*$/),
});
const words = z.string().transform((text) => text.slice(0, 8000));
const description = z.object({ signature: words, documentation: words });

/** Answers a request that is a question about code. Never rejects for want of an answer. */
export async function answer(kernel: CellHost, request: Request): Promise<void> {
  const { type, content } = request.message;
  const asked = questionOf(type, content)!;
  const said = await ask(kernel, asked).then(answerOf, () => undefined);
  kernel.reply(request, replyName(type), replyTo(asked.code, asked.question, said));
}

/** Has a sandbox and an interpreter made, so that the first cell finds them. */
export function warm(kernel: CellHost): void {
  ask(kernel, { code: '', question: { kind: 'is_complete' } }).then(
    ({ done }) => done.catch(() => {}),
    () => {},
  );
}

function ask(
  { services, principal, sessionId, ownKernel: kernelId, spec }: CellHost,
  asked: Asked,
): Promise<RunningExecution> {
  const { language } = spec;
  return services.executions.start(principal, { sessionId, kernelId, language, ...asked, wallMs: answerMs });
}

interface Asked {
  readonly code: string;
  readonly question: KernelQuestion;
}

/** The question of a request; undefined: the message is none. */
function questionOf(type: string, content: Fields): Asked | undefined {
  const code = typeof content.code === 'string' ? content.code : '';
  const length = [...code].length;
  const said = content.cursor_pos;
  const cursor = typeof said === 'number' && said >= 0 && said <= length ? Math.floor(said) : length;
  switch (type) {
    case 'complete_request':
      return { code, question: { kind: 'complete', cursor } };
    case 'inspect_request':
      return { code, question: { kind: 'inspect', cursor } };
    case 'is_complete_request':
      return { code, question: { kind: 'is_complete' } };
  }
  return undefined;
}

/** What the kernel claims; undefined when it claims nothing, or too late. Never rejects. */
async function answerOf(execution: RunningExecution): Promise<unknown> {
  const timer = setTimeout(() => execution.cancel(), answerMs);
  try {
    const { result } = await execution.done;
    return result.outputs.find(({ kind }) => kind === 'result')?.bundle[kernelAnswerType];
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** The content of a reply; with no answer it says that nothing is known. */
function replyTo(code: string, question: KernelQuestion, answer: unknown): Fields {
  switch (question.kind) {
    case 'complete': {
      const { data } = completions.safeParse(answer);
      const fits = data && data.start <= data.end && data.end <= [...code].length;
      const found = fits ? data : { matches: [], start: question.cursor, end: question.cursor };
      return {
        status: 'ok',
        matches: found.matches,
        cursor_start: found.start,
        cursor_end: found.end,
        metadata: {},
      };
    }
    case 'is_complete': {
      const { status, indent } = completeness.safeParse(answer).data ?? { status: 'unknown' as const, indent: '' };
      return status === 'incomplete' ? { status, indent } : { status };
    }
    default: {
      const { signature, documentation } = description.safeParse(answer).data ?? { signature: '', documentation: '' };
      const text = [signature && `Signature: ${signature}`, documentation && `Docstring:\n${documentation}`];
      const plain = text.filter(Boolean).join('\n');
      const found = plain !== '';
      return { status: 'ok', found, data: found ? { 'text/plain': plain } : {}, metadata: {} };
    }
  }
}
