import { StringDecoder } from 'node:string_decoder';
import { type ExecutionEvent, type MimeBundle, type ProgramError, restoredText, within } from '../../core/index.ts';
import type { Execution, RunningExecution } from '../../service/index.ts';

/** What code shows while it runs, as text; last comes its end. */
export type Shown =
  | { readonly type: 'stdout' | 'stderr'; readonly text: string }
  | { readonly type: 'show'; readonly isResult: boolean; readonly bundle: MimeBundle }
  /** At most one: what ended the code, or the limit that did. */
  | { readonly type: 'fault'; readonly fault: ProgramError }
  | { readonly type: 'ended'; readonly execution: Execution };

/** Kernels print a traceback just before they tell the error, which is told apart here. */
const holdMs = 40;

/**
 * Follows an execution to its end. A traceback that a kernel printed is no part of stderr.
 * @throws DragomanError what the execution failed with; cancelled when `signal` aborts
 */
export async function* follow(execution: RunningExecution, signal: AbortSignal): AsyncGenerator<Shown> {
  const texts = { stdout: new StringDecoder(), stderr: new StringDecoder() };
  const events = execution.events(0, signal)[Symbol.asyncIterator]();
  let fault: ProgramError | undefined;
  let held = '';
  for (let next = events.next(); ; ) {
    const result = held === '' ? await next : await within(next, holdMs);
    const event = result === undefined || result.done ? undefined : result.value.event;
    if (event?.type !== 'stderr' && event?.type !== 'error') yield* stderr(held);
    if (event?.type !== 'stderr' && event?.type !== 'error') held = '';
    if (result === undefined) continue;
    if (result.done) break;
    next = events.next();
    if (event?.type === 'stderr') {
      held += texts.stderr.write(Buffer.from(event.data));
    } else if (event?.type === 'error') {
      yield* stderr(withoutTraceback(held, event.error));
      held = '';
      fault ??= event.error;
    } else if (event) {
      yield* shownBy(event, texts.stdout);
    }
  }
  const ended = await execution.done;
  for (const type of ['stdout', 'stderr'] as const) {
    const text = texts[type].end();
    if (text !== '') yield { type, text };
  }
  const { restored, continuity } = ended;
  if (restored) yield { type: 'stderr', text: `[${restoredText(restored)}]\n` };
  else if (continuity === 'restored') yield { type: 'stderr', text: lostVariables };
  const told = limitFault(ended) ?? fault ?? exitFault(ended);
  if (told) yield { type: 'fault', fault: told };
  yield { type: 'ended', execution: ended };
}

const lostVariables =
  '[The sandbox had to be started again before this code ran: variables of earlier code are gone, files are there.]\n';

function* stderr(text: string): Generator<Shown> {
  if (text !== '') yield { type: 'stderr', text };
}

function* shownBy(event: ExecutionEvent, stdout: StringDecoder): Generator<Shown> {
  if (event.type === 'stdout') {
    const text = stdout.write(Buffer.from(event.data));
    if (text !== '') yield { type: 'stdout', text };
  } else if (event.type === 'display' || event.type === 'result') {
    yield { type: 'show', isResult: event.type === 'result', bundle: event.bundle };
  }
}

function withoutTraceback(text: string, { traceback }: ProgramError): string {
  const printed = traceback.join('\n').trimEnd();
  const whole = text.trimEnd();
  return printed !== '' && whole.endsWith(printed) ? whole.slice(0, -printed.length) : text;
}

const limits: Readonly<Record<string, readonly [name: string, value: string]>> = {
  timed_out: ['TimeoutError', 'The code ran for longer than the service allows.'],
  out_of_memory: ['MemoryError', 'The code used more memory than its sandbox has.'],
  output_limit: ['OutputLimitError', 'The code printed more than the service allows.'],
};

/** A limit that ended the code. The interrupt by which it did is no error of the code's own. */
function limitFault({ result }: Execution): ProgramError | undefined {
  const [name, value] = limits[result.outcome] ?? [];
  return name === undefined ? undefined : { name, value: value!, traceback: [`${name}: ${value}`] };
}

/** Code that has no interpreter fails with an exit code alone; an interpreter may die. */
function exitFault({ result: { outcome, exitCode, signal } }: Execution): ProgramError | undefined {
  if (outcome === 'cancelled') return faultLike('KeyboardInterrupt', 'The code was interrupted.');
  if (outcome === 'worker_lost')
    return faultLike('UnexpectedEndOfExecution', 'The machine that ran the code was lost.');
  if (outcome === 'killed' || signal !== null)
    return faultLike('UnexpectedEndOfExecution', `The interpreter was ended by ${signal ?? 'its sandbox'}.`);
  return exitCode === null || exitCode === 0 ? undefined : faultLike('ExitError', `exit status ${exitCode}`);
}

const faultLike = (name: string, value: string) => ({ name, value, traceback: [`${name}: ${value}`] });
