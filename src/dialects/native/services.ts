import type { Interpreter, Kernels, Sessions, UsageReport } from '../../service/index.ts';

/** What this dialect uses of the service. */
export interface NativeServices {
  readonly sessions: Sessions;
  readonly kernels: Kernels;
  readonly interpreter: Pick<Interpreter, 'listFiles' | 'openFile' | 'storage'>;
  readonly usage: UsageReport;
  /** Largest upload of one file, in bytes. */
  readonly maxFileBytes: number;
  /** Milliseconds since the epoch. */
  now(): number;
}
