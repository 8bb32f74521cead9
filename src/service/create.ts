import type { Admission } from './admission/admission.ts';
import { CommandService, type CommandServiceOptions } from './commands/command-service.ts';
import type { Commands } from './commands/commands.ts';
import type { Endings } from './executions/endings.ts';
import { ExecutionLog } from './executions/execution-log.ts';
import { ExecutionService, type ExecutionServiceOptions } from './executions/execution-service.ts';
import type { Executions, ExecutionWatch } from './executions/executions.ts';
import { LateRecorder } from './executions/late-recorder.ts';
import { Operations } from './operations/operations.ts';
import type { PeerQuestion } from './peers/questions.ts';
import { RememberedRequests } from './rounds/named-requests.ts';
import type { NamedRequests, ToolRounds } from './rounds/rounds.ts';
import { ExecutionRounds } from './rounds/tool-rounds.ts';
import { SandboxFileService } from './sandbox-files/sandbox-file-service.ts';
import type { SandboxFiles } from './sandbox-files/sandbox-files.ts';
import { SessionDirectory } from './sessions/session-directory.ts';
import { SessionKernels } from './sessions/session-kernels.ts';
import { SessionSandboxes } from './sessions/session-sandboxes.ts';
import { SessionService, type SessionServiceOptions } from './sessions/session-service.ts';
import type { Kernels, Sessions } from './sessions/sessions.ts';
import { SessionStates, type SessionStatesOptions } from './states/session-states.ts';
import type { States } from './states/states.ts';

export interface ServiceOptions
  extends SessionServiceOptions,
    ExecutionServiceOptions,
    SessionStatesOptions,
    CommandServiceOptions {
  readonly admission: Admission;
  /** What workers tell all gateways. Absent: there is one gateway. */
  readonly endings?: Endings | undefined;
}

/** What callers may do, over a runner and the stores. */
export interface Service {
  readonly sessions: Sessions;
  readonly kernels: Kernels;
  readonly states: States;
  readonly commands: Commands;
  readonly sandboxFiles: SandboxFiles;
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
  const log = new ExecutionLog({ ...options, documents: options.records.documents });
  const states = new SessionStates(options, directory);
  const { endings, keeps } = options;
  const recorder = endings && keeps && new LateRecorder({ ...options, endings, keeps }, { directory, log, states });
  directory.connect(states, recorder && ((session, found) => recorder.settleTurn(session, found)));
  if (recorder) log.connect((id) => recorder.settleExecution(id));
  let stopHearing = () => {};
  const parts = { directory, log, states };
  const executions = new ExecutionService(options, parts);
  const sessions = new SessionService(options, parts);
  const sandboxes = new SessionSandboxes(
    { ...options, checkpointOf: (...asked) => states.checkpointOf(...asked) },
    directory,
  );
  const commands = new CommandService(options, { directory, sandboxes });
  const { runner, peers } = options;
  const toolRounds = new ExecutionRounds({ executions, log, runner, peers });
  const namedRequests = new RememberedRequests({ executions, peers });
  const answer = async (question: PeerQuestion): Promise<unknown> => {
    if ('session' in question) return directory.answer(question);
    if (question.type === 'round' || question.type === 'round_left') return toolRounds.answer(question);
    if (question.type === 'cancel_named')
      return namedRequests.cancelHere({ ...question.principal, name: '' }, question.name);
    return log.answer(question);
  };
  peers.serve(answer, () => directory.doubt());
  return {
    sessions,
    kernels: new SessionKernels(options, directory, states),
    states,
    commands,
    sandboxFiles: new SandboxFileService(options, sandboxes),
    executions,
    executionWatch: log,
    toolRounds,
    namedRequests,
    operations: new Operations({ ...options, ...parts }),
    start() {
      const { metrics, admission } = options;
      metrics.gauge('executions_running', 'Executions running now', () => admission.running);
      metrics.gauge('executions_waiting', 'Executions waiting for a place', () => admission.waiting);
      metrics.gauge('commands_running', 'Commands running now', () => commands.count);
      directory.start();
      states.start();
      recorder?.start();
      stopHearing = options.runner.leaving?.((worker, why) => void states.saveOn(worker, why)) ?? stopHearing;
      commands.begin();
    },
    async close() {
      stopHearing();
      await executions.close();
      commands.close();
      await states.close();
      await directory.close();
      await log.flush();
    },
  };
}
