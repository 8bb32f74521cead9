import { DragomanError, type Plans, planOf } from '../core/index.ts';
import type { Executions, RunnerInfo } from '../service/index.ts';
import type { Upstreams } from '../upstreams/index.ts';
import type { Agent, AgentEnd } from './agent.ts';
import { Loop } from './loop.ts';

export interface AgentOptions {
  readonly upstreams: Upstreams;
  readonly executions: Executions;
  readonly plans: Plans;
  readonly runnerInfo: Pick<RunnerInfo, 'usualWallMs'>;
  /** Runs of one request at most. */
  readonly maxCalls: number;
  /** Characters of a run's output a model is shown. */
  readonly shownChars: number;
}

/** Makes the agent of this service's models and sessions. */
export function createAgent(options: AgentOptions): Agent {
  return {
    async *run(principal, request, signal, journal) {
      const model = options.upstreams.model(request.model);
      const plan = planOf(options.plans, principal);
      const wallMs = Math.min(request.code?.wallMs ?? (await options.runnerInfo.usualWallMs(plan)), plan.maxWallMs);
      const loop = new Loop({ ...options, principal, request, model, signal, wallMs, journal });
      const events = loop.run();
      let begun = false;
      let end: AgentEnd;
      try {
        for (;;) {
          const next = await events.next();
          if (next.done) {
            end = next.value;
            break;
          }
          begun = true;
          yield next.value;
        }
      } catch (error) {
        if (!begun) throw signal.aborted ? new DragomanError('cancelled') : error;
        end = signal.aborted ? { reason: 'cancelled' } : failedEnd(error);
      } finally {
        // When the consumer leaves, code and connection end.
        await events.return({ reason: 'stop' });
      }
      const states =
        end.reason === 'functions' || end.reason === 'paused' ? { providerStates: loop.providerStates } : {};
      const stopped = loop.stopSequence === undefined ? {} : { stopSequence: loop.stopSequence };
      yield { type: 'end', end, usage: loop.usage, model: model.id, ...stopped, ...states };
    },
    relay: ({ model, path, body, headers, upstreamKey }, signal) =>
      options.upstreams.model(model).relay({ path, body, headers, key: upstreamKey }, signal),
    models: () => options.upstreams.list(),
  };
}

/** An error of the provider or the service as the end of a loop that had begun. */
function failedEnd(error: unknown): AgentEnd {
  if (!(error instanceof DragomanError))
    return { reason: 'failed', error: new DragomanError('internal', { cause: error }) };
  // The caller did not cancel it: its session was removed.
  const message = 'The container was deleted while code ran in it.';
  const told = error.code === 'cancelled' ? new DragomanError('not_found', { message, cause: error }) : error;
  return { reason: 'failed', error: told };
}
