import type { Plans } from '../../core/index.ts';
import type { SandboxServices } from '../sandboxes/services.ts';

/** What this dialect uses of the service. */
export interface E2BServices extends SandboxServices {
  readonly plans: Plans;
  /** Clients build host names of sandboxes on it. Undefined: on the host they called. */
  readonly sandboxDomain: string | undefined;
}
