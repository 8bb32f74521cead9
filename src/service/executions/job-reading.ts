import type { ToolCall } from '../../core/index.ts';
import type { JobEnding, JobEvent, JobRef, Runner } from '../../runner/index.ts';
import type { RunningExecution } from './executions.ts';
import { executionEvent, startedEvents } from './tracked-execution.ts';

/** Where an execution is on its way. */
export interface ExecutionState {
  readonly status: RunningExecution['status'];
  readonly pending: readonly ToolCall[];
  readonly last: number;
}

/** What the events of a job tell of it, without the gateway that follows it. */
export interface JobReading extends ExecutionState {
  readonly worker: string | undefined;
  /** How it ended; undefined: it has not, or it failed. */
  readonly ending: JobEnding | undefined;
}

/** The first event of a job is waited for as long as this. */
const firstMs = 3000;
/** All events of a job are there when no other comes for so long. */
const quietMs = 300;

/** Reads the events of a job that are there. Undefined: there are none. */
export async function readJob(runner: Pick<Runner, 'events'>, { id, owner }: JobRef): Promise<JobReading | undefined> {
  const stop = new AbortController();
  let timer = setTimeout(() => stop.abort(), firstMs);
  let worker: string | undefined;
  let ending: JobEnding | undefined;
  let isThere = false;
  let status: ExecutionState['status'] = 'running';
  let pending: readonly ToolCall[] = [];
  let last = 0;
  const note = (event: JobEvent) => {
    if (event.type === 'started') worker = event.worker;
    if (event.type === 'ended') ending = event;
    if (event.type === 'tool_calls') [status, pending] = ['waiting', event.calls];
    else if (event.type === 'ended' || event.type === 'failed') [status, pending] = ['done', []];
    else if (event.type !== 'storing') [status, pending] = ['running', []];
  };
  for await (const { number, event } of runner.events({ id, owner }, 0, stop.signal)) {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), quietMs);
    isThere = true;
    note(event);
    if (executionEvent(event)) last = number - startedEvents;
  }
  clearTimeout(timer);
  return isThere ? { status, pending, last, worker, ending } : undefined;
}
