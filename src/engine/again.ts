import type { ExecutionResult, Usage } from '../core/index.ts';

/**
 * Whether what ran was killed before anything was heard of it. Its sandbox may have died while it was parked, and what ran can run again: what
 * it did stayed in its sandbox.
 */
export function isUnheard({
  outcome,
  stdout,
  stderr,
}: Pick<ExecutionResult, 'outcome' | 'stdout' | 'stderr'>): boolean {
  return outcome === 'killed' && stdout.bytes + stderr.bytes === 0;
}

/** What two runs used together. */
export function together(one: Usage, other: Usage): Usage {
  return {
    wallMs: one.wallMs + other.wallMs,
    cpuMs: one.cpuMs + other.cpuMs,
    peakMemoryBytes: Math.max(one.peakMemoryBytes, other.peakMemoryBytes),
  };
}
