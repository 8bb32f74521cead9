import type { Logger } from '../core/index.ts';
import type { createMetrics } from '../telemetry/index.ts';
import type { Lifetime } from './lifetime.ts';

/** What every part of a process has in common. */
export interface Common {
  readonly logger: Logger;
  readonly metrics: ReturnType<typeof createMetrics>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Memory that the machine, or this process's control group, has left. */
  readonly availableMemory: () => number;
  readonly lifetime: Lifetime;
}
