export { type CallableTool, callableTools } from './callable-tools.ts';
export { childEnvironment } from './child-environment.ts';
export { clientPath, relativeName } from './client-path.ts';
export {
  type CommandEnd,
  type CommandSignal,
  type CommandStream,
  commandSignals,
  type FileChange,
  type FileEntry,
  type TerminalSize,
} from './commands.ts';
export { usualDataDir } from './data-dir.ts';
export { DragomanError, type ErrorCode, errorCatalogue } from './errors.ts';
export {
  type CellManner,
  type CellResult,
  type ExecutionEvent,
  type ExecutionResult,
  type InterpreterState,
  type KernelQuestion,
  kernelAnswerType,
  type MimeBundle,
  type Outcome,
  type OutputText,
  type ProgramError,
  type RichOutput,
  stderrApart,
  type ToolCall,
  type ToolDefinition,
  type ToolResult,
  type Usage,
  type UsageNow,
  unprintedError,
} from './execution.ts';
export { FairQueue } from './fair-queue.ts';
export { type FairKey, FairStore } from './fair-store.ts';
export { keptMode, modeOf, uploadMode } from './file-mode.ts';
export type { ByteRange, FileClaim, FileRef, FileScope, FileSet, StoredFile } from './files.ts';
export { HeldBytes, type HeldBytesLimits } from './held-bytes.ts';
export { isLoopbackHost } from './hosts.ts';
export { idPattern, isId, newId } from './ids.ts';
export { countJson, isCheapJson } from './json-shape.ts';
export { jsonLength, jsonPieces, pieceLength } from './json-text.ts';
export {
  boundedObject,
  printable,
  restoredText,
  type StateLoss,
  type StateLossReason,
  type StateReport,
  stateReportOf,
  wholeSession,
} from './kernel-state.ts';
export type { Limits } from './limits.ts';
export { makeDirectories } from './make-directories.ts';
export { nearest } from './nearest.ts';
export { maxEmptyFolders, maxPathDepth, pathFault, workspacePath } from './paths.ts';
export { defaultPlan, type Plan, type Plans, planOf, type RateClass, type RateLimits, usualWallMs } from './plans.ts';
export type { Principal } from './principal.ts';
export { makePrivateFile } from './private-file.ts';
export { chargedBytes, quotaExceeded, recordsExceeded, type StorageUse, tooManyFiles } from './quota.ts';
export { secretHash } from './secrets.ts';
export { isSuperuser } from './superuser.ts';
export { type Logger, type Metrics, noSpan, noTraces, type Span, type SpanFields, type Traces } from './telemetry.ts';
export { gradeOf, type Tier, type TierState, tiers } from './tiers.ts';
export { type ToolNaming, toolIdentifier } from './tool-names.ts';
export { turnOf } from './turns.ts';
export { weightOf } from './weight.ts';
export { within } from './within.ts';
