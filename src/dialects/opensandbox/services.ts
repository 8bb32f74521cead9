import type { Commands, SandboxFiles } from '../../service/index.ts';
import type { SandboxServices } from '../sandboxes/services.ts';

/** What this dialect uses of the service. */
export interface OpenSandboxServices extends SandboxServices {
  readonly commands: Commands;
  readonly sandboxFiles: SandboxFiles;
  /** Largest upload of one file, in bytes, the files of one form, and how long it may take to arrive. */
  readonly maxFileBytes: number;
  readonly maxUploadFiles: number;
  readonly uploadTimeoutMs: number;
}
