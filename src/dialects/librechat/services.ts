import type { Executions, Files, NamedRequests, Sessions, ToolRounds } from '../../service/index.ts';

/** Bounds of one upload call. */
export interface UploadLimits {
  /** Largest file, in bytes. */
  readonly maxFileBytes: number;
  readonly maxUploadFiles: number;
  /** How long a call may take to arrive, in milliseconds. */
  readonly uploadTimeoutMs: number;
}

/** What this dialect uses of the service. */
export interface LibreChatServices extends UploadLimits {
  readonly storedFiles: Pick<Files, 'upload' | 'find' | 'open' | 'list' | 'delete'>;
  readonly sessions: Pick<Sessions, 'create' | 'ensure' | 'get' | 'files' | 'putFile'>;
  /** Whether code goes on with the variables of an earlier answer's session where its request does not say. */
  readonly keepsVariables: boolean;
  readonly executions: Pick<Executions, 'start'>;
  readonly toolRounds: ToolRounds;
  readonly namedRequests: NamedRequests;
}
