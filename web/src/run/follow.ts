import { readStream, type StreamEvent } from '../api/events.ts';
import { ApiError, isAway, messageOf } from '../api/http.ts';
import { inputTool, type Run } from './run.ts';

/** Begins an execution in a session and follows it to its end. The returned promise never rejects: the run holds what went wrong. */
export async function execute(
  run: Run,
  sessionId: string,
  request: { readonly timeout_ms?: number },
  onStart: (id: string) => void = () => {},
): Promise<void> {
  let last = '';
  const take = ({ event, data, id }: StreamEvent) => {
    if (id !== undefined) last = id;
    if (event === 'start') onStart(data.id);
    run.take(event, data);
  };
  const json = { language: run.language, code: run.code, ...(asks(run) ? { tools: [questions] } : {}), ...request };
  try {
    await readStream('POST', `/sessions/${sessionId}/executions`, { json }, take);
  } catch (error) {
    // The execution goes on without its reader, if it has begun.
    const isBroken = error instanceof ApiError && error.status === 0 && last + (run.id.value ?? '') !== '';
    if (!isBroken) return run.fail(messageOf(error));
  }
  await goOn(run, () => last, take);
}

/** Code that may ask gets a tool by which it does; its clock stands still while it waits. */
const asks = ({ language, code }: Run) => language === 'python' && /\b(input|getpass|breakpoint)\b/.test(code);

const questions = {
  name: inputTool,
  description: 'Asks the person at the notebook for a line of text.',
  parameters: { type: 'object', properties: { prompt: { type: 'string' }, secret: { type: 'boolean' } } },
};

/** Follows an execution that is under way or has ended. */
export async function follow(run: Run, id: string, signal?: AbortSignal): Promise<void> {
  let last = '';
  run.id.value = id;
  await goOn(
    run,
    () => last,
    ({ event, data, id: number }) => {
      if (number !== undefined) last = number;
      run.take(event, data);
    },
    signal,
    true,
  );
}

async function goOn(
  run: Run,
  last: () => string,
  take: (event: StreamEvent) => void,
  signal?: AbortSignal,
  isFirst = false,
): Promise<void> {
  let isOver = false;
  const watch = (event: StreamEvent) => {
    isOver ||= event.event === 'done' || event.event === 'failed';
    take(event);
  };
  for (let wait = 500; !isOver && !signal?.aborted; wait = Math.min(8000, wait * 2)) {
    // What is still to be drawn may be the end.
    await new Promise((resolve) => setTimeout(resolve, isFirst ? 0 : 60));
    isFirst = false;
    if (run.isOver || run.id.value === undefined) return;
    try {
      const headers: Record<string, string> = last() === '' ? {} : { 'last-event-id': last() };
      const more = await readStream('GET', `/executions/${run.id.value}`, { headers, signal }, watch);
      if (!more) return run.isOver ? undefined : run.fail('The service no longer has what followed.');
    } catch (error) {
      if (signal?.aborted) return;
      if (!(error instanceof ApiError) || (error.status !== 0 && error.status !== 503)) {
        run.fail(lostWords(error));
        return;
      }
      isAway.value = true;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

function lostWords(error: unknown): string {
  if (error instanceof ApiError && error.status === 404)
    return 'The service has restarted, and this run with it. What it wrote into files is kept as of the run before.';
  return messageOf(error);
}
