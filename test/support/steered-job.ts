import type { DragomanError, ToolCall, ToolResult } from '../../src/core/index.ts';
import { type JobEnding, type JobEvent, jobOutput } from '../../src/runner/index.ts';
import type { Script, ScriptedJob } from './scripted-runner.ts';

type Result = Partial<JobEnding['result']>;

/** A job that a test steers step by step: it goes on until `finish` or `fail`, or until it is cancelled. */
export class SteeredJob {
  readonly scripted: ScriptedJob;
  readonly #end = Promise.withResolvers<Result>();

  constructor(scripted: ScriptedJob) {
    this.scripted = scripted;
    const { signal } = scripted;
    signal.addEventListener('abort', () => this.#end.resolve({}), { once: true });
  }

  get isCancelled(): boolean {
    return this.scripted.signal.aborted;
  }

  tell(...events: JobEvent[]): void {
    for (const event of events) this.scripted.tell(event);
  }

  print(data: string | Uint8Array, type: 'stdout' | 'stderr' = 'stdout'): void {
    if (type === 'stdout') this.scripted.print(data);
    else this.tell(jobOutput(type, Buffer.from(data)));
  }

  call(...calls: readonly ToolCall[]): Promise<readonly ToolResult[]> {
    return this.scripted.call(calls);
  }

  finish(result: Result = {}): void {
    this.#end.resolve(result);
  }

  fail(error: DragomanError): void {
    this.#end.reject(error);
  }

  get ended(): Promise<Result> {
    return this.#end.promise;
  }
}

/** A script whose jobs do these steps when they begin, and the latest of them. */
export function steering() {
  const jobs: SteeredJob[] = [];
  return {
    jobs,
    steps: (job: SteeredJob): void | Promise<void> => job.finish(),
    latest: () => jobs.at(-1)!,
    get script(): Script {
      return async (scripted) => {
        const job = new SteeredJob(scripted);
        jobs.push(job);
        await this.steps(job);
        return job.ended;
      };
    },
  };
}
