import { isUtf8 } from 'node:buffer';
import { DragomanError, type ErrorCode, errorCatalogue } from '../core/index.ts';
import type { JobFault, JobOutput } from './port.ts';

/** What was printed, as data that JSON can carry. */
export function jobOutput(type: JobOutput['type'], data: Uint8Array): JobOutput {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return isUtf8(bytes) ? { type, text: bytes.toString('utf8') } : { type, base64: bytes.toString('base64') };
}

/** The bytes that were printed. */
export function outputBytes(output: { readonly text: string } | { readonly base64: string }): Buffer {
  return 'text' in output ? Buffer.from(output.text) : Buffer.from(output.base64, 'base64');
}

/** An error as data. One that was not thrown on purpose says nothing of itself. */
export function jobFault(error: unknown): JobFault {
  if (!(error instanceof DragomanError))
    return { code: 'internal', message: errorCatalogue.internal.text, retryAfterSeconds: null };
  const { code, message, retryAfterSeconds = null } = error;
  return { code, message, retryAfterSeconds };
}

/** The error that data tells of. */
export function errorOf({ code, message, retryAfterSeconds }: JobFault): DragomanError {
  const known: ErrorCode = code in errorCatalogue ? (code as ErrorCode) : 'internal';
  return new DragomanError(known, { message, ...(retryAfterSeconds === null ? {} : { retryAfterSeconds }) });
}
