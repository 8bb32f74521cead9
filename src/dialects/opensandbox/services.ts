import type { SandboxServices } from '../sandboxes/services.ts';

/** What this dialect uses of the service. */
export interface OpenSandboxServices extends SandboxServices {}
