export { errorOf, jobFault, jobOutput, outputBytes } from './data.ts';
export { memoryJobLog } from './job-log.ts';
export type {
  AnswerCheck,
  Continuity,
  HeldSession,
  Job,
  JobEnding,
  JobEvent,
  JobFile,
  JobFiles,
  JobInput,
  JobKernel,
  JobRef,
  JobSession,
  Language,
  LanguageVersions,
  LiveState,
  Runner,
  RunnerCensus,
  SessionRef,
} from './port.ts';
