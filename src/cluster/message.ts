import { DragomanError } from '../core/index.ts';
import { errorOf, type JobFault, jobFault } from '../runner/index.ts';

/** Of messages: it only grows, and what it adds may be left out. A receiver refuses a later one. */
const version = 1;
/** Bytes of one message. What is larger goes in pieces, as a stream. */
export const maxMessageBytes = 240 * 1024;
/** Bytes of a question or an answer that is sent in pieces. */
export const maxWholeBytes = 96 * 1024 * 1024;

/** What every message has. */
interface Envelope {
  readonly v: number;
  /** W3C trace context of the request that it serves. */
  readonly trace?: string | undefined;
}

export type Message<T> = T & Envelope;

/** An answer: a value, or why there is none. */
export type Answer<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly value?: undefined; readonly error: JobFault };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A message as bytes, however many. */
export function encode<T extends object>(body: T, trace?: string): Uint8Array {
  return encoder.encode(JSON.stringify({ v: version, ...(trace === undefined ? {} : { trace }), ...body }));
}

/** @throws DragomanError invalid_request for bytes that are no message, or one of a later version */
export function decode<T>(bytes: Uint8Array): Message<T> {
  if (bytes.length > maxWholeBytes)
    throw new DragomanError('invalid_request', { message: 'The message is too large.' });
  let body: unknown;
  try {
    body = JSON.parse(decoder.decode(bytes));
  } catch {
    throw new DragomanError('invalid_request', { message: 'The message is not JSON.' });
  }
  const v = (body as Envelope | null)?.v;
  if (typeof v !== 'number' || v < 1)
    throw new DragomanError('invalid_request', { message: 'The message has no version.' });
  if (v > version)
    throw new DragomanError('invalid_request', {
      message: `The message is of version ${v}, and ${version} is the latest known.`,
    });
  return body as Message<T>;
}

/** The value of an answer. @throws DragomanError the error of an answer */
export function answered<T>(answer: Answer<T>): T {
  if (answer.error !== undefined) throw errorOf(answer.error);
  return answer.value as T;
}

/** What a handler says, as an answer. */
export async function answerOf<T>(work: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: jobFault(error) };
  }
}
