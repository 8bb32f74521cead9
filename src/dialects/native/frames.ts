import { StringDecoder } from 'node:string_decoder';
import type { CellResult, ExecutionEvent, OutputText } from '../../core/index.ts';
import type { Frame, Problem } from '../../http/index.ts';
import type { RunningExecution } from '../../service/index.ts';
import { artifactsOf, endOf } from './translate.ts';

/** The first frame of every stream; it has no number, because it is no part of the history. */
export function startFrame({ id, sessionId, language }: RunningExecution): Frame {
  return { event: 'start', data: { id, session_id: sessionId, language } };
}

/**
 * An execution's history as numbered frames, those after number `after`. The history is read from its beginning in any case:
 * what stands before `after` says where a character that was cut in two begins. Events that are no longer kept are told as a
 * `gap`; when none is, everything the execution said is told as it is known from its end. Artifacts and the end have the
 * numbers behind the last event, the same ones every time. Ends without an end frame when `signal` aborts.
 */
export async function* framesOf(
  execution: RunningExecution,
  after: number,
  signal: AbortSignal,
  problem: (error: unknown) => Problem,
): AsyncGenerator<Frame> {
  const texts = new EventTexts();
  let read = 0;
  for await (const { number, event } of execution.events(0, signal)) {
    yield* gap(Math.max(read, after) + 1, number - 1);
    read = number;
    const frames = texts.framesOf(event);
    if (number > after) yield* numbered(frames, number);
  }
  if (signal.aborted) return;
  const { last } = execution;
  const { said, ending } = await endOfStream(execution, problem);
  if (read === 0 && after === 0 && last > 0) yield* said;
  else yield* gap(Math.max(read, after) + 1, last);
  if (after <= last) yield* texts.rest();
  for (const [index, frame] of ending.entries()) {
    const number = last + 1 + index;
    if (number > after) yield* numbered([frame], number);
  }
}

function* gap(from: number, to: number): Generator<Frame> {
  if (from <= to) yield { event: 'gap', data: { from, to } };
}

/** What it said, as known from its end, and the frames no event stands for. */
async function endOfStream(
  execution: RunningExecution,
  problem: (error: unknown) => Problem,
): Promise<{ said: readonly Frame[]; ending: readonly Frame[] }> {
  try {
    const finished = await execution.done;
    const artifacts = artifactsOf(finished.files).map((data): Frame => ({ event: 'artifact', data }));
    return { said: saidIn(finished.result), ending: [...artifacts, { event: 'done', data: endOf(finished) }] };
  } catch (error) {
    const { code, message } = problem(error);
    return { said: [], ending: [{ event: 'failed', data: { error: code, message } }] };
  }
}

function saidIn({ stdout, stderr, outputs, error }: CellResult): Frame[] {
  const text = (event: string, { text }: OutputText) => (text === '' ? [] : [{ event, data: { text } }]);
  return [
    ...text('stdout', stdout),
    ...text('stderr', stderr),
    ...outputs.map(({ kind, bundle }) => ({ event: kind, data: bundle })),
    ...(error ? [{ event: 'error', data: error }] : []),
  ];
}

/** Only the last frame of an event brings its number: who was cut off in the middle gets the event again. */
function* numbered(frames: readonly Frame[], number: number): Generator<Frame> {
  for (const [index, frame] of frames.entries()) {
    yield index === frames.length - 1 ? { ...frame, id: String(number) } : frame;
  }
}

/** Events in words: bytes of a stream become text where a character ends, and a tool call is told once. */
class EventTexts {
  readonly #decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
  readonly #called = new Set<string>();

  framesOf(event: ExecutionEvent): Frame[] {
    switch (event.type) {
      case 'stdout':
      case 'stderr': {
        const { buffer, byteOffset, byteLength } = event.data;
        const text = this.#decoders[event.type].write(Buffer.from(buffer, byteOffset, byteLength));
        return text === '' ? [] : [{ event: event.type, data: { text } }];
      }
      case 'display':
      case 'result':
        return [{ event: event.type, data: event.bundle }];
      case 'error':
        return [{ event: 'error', data: event.error }];
      case 'tool_calls': {
        const fresh = event.calls.filter(({ id }) => !this.#called.has(id));
        for (const { id } of fresh) this.#called.add(id);
        return fresh.map((data) => ({ event: 'tool_call', data }));
      }
      case 'clear':
      case 'expressions':
        return [];
    }
  }

  /** What is left of characters that never ended. */
  rest(): Frame[] {
    return (['stdout', 'stderr'] as const).flatMap((event) => {
      const text = this.#decoders[event].end();
      return text === '' ? [] : [{ event, data: { text } }];
    });
  }
}
