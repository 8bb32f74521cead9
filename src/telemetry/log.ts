import { pino } from 'pino';
import type { Logger } from '../core/index.ts';
import { prettyLine } from './pretty-line.ts';

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly format: 'pretty' | 'json';
  /** Where whole lines go; standard output unless given. */
  readonly write?: (line: string) => void;
}

/** A structured logger: one JSON object a line, or one readable line with the same fields. */
export function createLogger(options: LogOptions): Logger {
  const write = options.write ?? ((line: string) => void process.stdout.write(line));
  const destination = { write: options.format === 'json' ? write : (line: string) => write(prettyLine(line)) };
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError, error: describeError },
    },
    destination,
  );
}

/** The parts of an error that never hold data of a caller. Libraries attach requests, configurations and rows to errors; those are not logged. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : typeof error;
  const { name, message, stack, cause } = error;
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  return {
    type: name,
    ...code,
    message,
    stack,
    ...(cause !== undefined && depth < 3 ? { cause: describeError(cause, depth + 1) } : {}),
  };
}
