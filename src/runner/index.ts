export type {
  CommandEnding,
  CommandOrder,
  CommandRef,
  CommandRunner,
  CommandState,
  RunnerCommandEvent,
} from './commands.ts';
export { errorOf, jobFault, jobOutput, outputBytes } from './data.ts';
export { memoryJobLog } from './job-log.ts';
export type {
  AnswerCheck,
  Collected,
  Continuity,
  FileUse,
  HeldSession,
  Job,
  JobEnding,
  JobEvent,
  JobFault,
  JobFile,
  JobFiles,
  JobInput,
  JobKernel,
  JobRef,
  JobSession,
  Language,
  LanguageVersions,
  LiveState,
  Restored,
  Runner,
  RunnerCensus,
  SavedState,
  SessionOrder,
  StateRef,
  StateSave,
} from './port.ts';
export type { FileAnswer, FileQuestion, SandboxFileRunner } from './sandbox-files.ts';
export type { SessionRef } from './session-ref.ts';
export { WorkerGone } from './worker-gone.ts';
