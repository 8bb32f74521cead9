import type { Admission } from './admission/admission.ts';
import { ExecutionLog } from './executions/execution-log.ts';
import { ExecutionService, type ExecutionServiceOptions } from './executions/execution-service.ts';
import type { Executions, ExecutionWatch } from './executions/executions.ts';
import { Operations } from './operations/operations.ts';
import { RememberedRequests } from './rounds/named-requests.ts';
import type { NamedRequests, ToolRounds } from './rounds/rounds.ts';
import { ExecutionRounds } from './rounds/tool-rounds.ts';
import { SessionDirectory } from './sessions/session-directory.ts';
import { SessionKernels } from './sessions/session-kernels.ts';
import { SessionService, type SessionServiceOptions } from './sessions/session-service.ts';
import type { Kernels, Sessions } from './sessions/sessions.ts';
import { SessionStates, type SessionStatesOptions } from './states/session-states.ts';
import type { States } from './states/states.ts';

export interface ServiceOptions extends SessionServiceOptions, ExecutionServiceOptions, SessionStatesOptions {
  readonly admission: Admission;
}

/** What callers may do, over a runner and the stores. */
export interface Service {
  readonly sessions: Sessions;
  readonly kernels: Kernels;
  readonly states: States;
  readonly executions: Executions;
  readonly executionWatch: ExecutionWatch;
  readonly toolRounds: ToolRounds;
  readonly namedRequests: NamedRequests;
  readonly operations: Operations;
  /** Registers gauges, and begins to save, every few seconds, which sessions were used. */
  start(): void;
  /** Ends what runs and saves what has to last. */
  close(): Promise<void>;
}

export function createService(options: ServiceOptions): Service {
  const directory = new SessionDirectory(options);
  const log = new ExecutionLog({ documents: options.records.documents, logger: options.logger });
  const states = new SessionStates(options, directory);
  const parts = { directory, log, states };
  const executions = new ExecutionService(options, parts);
  const sessions = new SessionService(options, parts);
  return {
    sessions,
    kernels: new SessionKernels(options, directory, states),
    states,
    executions,
    executionWatch: log,
    toolRounds: new ExecutionRounds({ executions, log, runner: options.runner }),
    namedRequests: new RememberedRequests(log),
    operations: new Operations({ ...options, ...parts }),
    start() {
      const { metrics, admission } = options;
      metrics.gauge('executions_running', 'Executions running now', () => admission.running);
      metrics.gauge('executions_waiting', 'Executions waiting for a place', () => admission.waiting);
      directory.start();
      states.start();
    },
    async close() {
      executions.close();
      await states.close();
      await directory.close();
      await log.flush();
    },
  };
}
