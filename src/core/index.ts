export { DragomanError, type ErrorCode, type ErrorDetails, errorCatalogue } from './errors.ts';
export type { ExecutionEvent, ExecutionResult, Outcome, OutputText, Usage } from './execution.ts';
export type { FileRef, FileScope, StoredFile, StoredSession } from './files.ts';
export { isId, newId } from './ids.ts';
export type { Limits } from './limits.ts';
export { maxPathDepth, maxPathLength, pathFault, workspacePath } from './paths.ts';
export type { Principal } from './principal.ts';
export type { Logger, Metrics } from './telemetry.ts';
