import { vi } from 'vitest';
import { atPace } from './tier.ts';

/** Waits until an expectation holds. The deadline is for what hangs: a busy machine takes a multiple of what tests need. */
export const eventually = <T>(expectation: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(expectation, { timeout: atPace(20_000), interval: 5 });
