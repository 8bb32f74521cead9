export type {
  Artifact,
  Command,
  CommandRequest,
  Completeness,
  CompletionRequest,
  Completions,
  Execution,
  ExecutionRequest,
  File as StoredFile,
  FileEntry,
  ForkRequest,
  IsCompleteRequest,
  Kernel,
  KernelRequest,
  KernelState,
  Language,
  ListSandboxFilesAnswer,
  ListSessionsAnswer,
  ListSessionsQuery,
  MimeBundle,
  NativeFileReference as FileReference,
  ProgramError,
  ReadUsageQuery,
  Session as SessionRecord,
  SessionChange,
  SessionRequest,
  TerminalSize,
  ToolCall,
  Usage,
} from './api.ts';
export type { AskEvent, AskRequest } from './ask.ts';
export { Dragoman } from './client.ts';
export type { CommandEvent, CommandSignal, SessionCommands } from './commands.ts';
export type { CallOptions } from './deadline.ts';
export type { Download } from './download.ts';
export { ApiError, ConnectionError, DeadlineError, DragomanError, type ErrorCode, PathError } from './errors.ts';
export type { ExecutionEnd, ExecutionEvent } from './events.ts';
export type { RunningExecution, RunOptions } from './execution.ts';
export type { FileContent, PreviewPart, SessionFiles } from './files.ts';
export type { SessionKernels } from './kernels.ts';
export type { SandboxFileChange, SandboxFiles } from './sandbox-files.ts';
export type { Code, Session } from './session.ts';
export type { Sessions } from './sessions.ts';
export type { CallableTool, CallableTools } from './tools.ts';
export type { TransportOptions as DragomanOptions } from './transport.ts';
