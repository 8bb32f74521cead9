import { isCheapJson } from '../../../core/index.ts';
import { ConnectError } from './errors.ts';

/**
 * The frames of a Connect stream in JSON: a byte of flags, four bytes of length (big-endian), the message. Whole messages are small:
 * what a client sends is bounded before it is read.
 */
const headBytes = 5;
const compressed = 1;
const last = 2;

/** No message of these services is deeper than a few levels. */
const maxDepth = 20;
/** The longest message that a client may send, in bytes. */
export const maxFrameBytes = 4 * 1024 * 1024;

export const frame = (message: object): Buffer => encoded(0, message);

/** The last frame of a stream; without an error it went well. */
export const endFrame = (error?: { readonly code: string; readonly message: string }): Buffer =>
  encoded(last, error ? { error } : {});

function encoded(flags: number, message: object): Buffer {
  const json = Buffer.from(JSON.stringify(message));
  const bytes = Buffer.allocUnsafe(headBytes + json.length);
  bytes.writeUInt8(flags, 0);
  bytes.writeUInt32BE(json.length, 1);
  json.copy(bytes, headBytes);
  return bytes;
}

/**
 * The messages of a stream that a client sends, as objects. Ends with the last frame or the end of the bytes.
 * @throws ConnectError for a frame that is too long, compressed, cut or no JSON object
 */
export async function* framesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Readonly<Record<string, unknown>>> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let wanted = headBytes;
  for await (const part of bytes) {
    parts.push(part);
    length += part.length;
    while (length >= wanted) {
      const [first] = parts;
      const whole =
        parts.length === 1 && first
          ? Buffer.from(first.buffer, first.byteOffset, length)
          : Buffer.concat(parts, length);
      const size = sizeIn(whole);
      wanted = headBytes + size;
      parts = [whole];
      if (length < wanted) break;
      const message = messageIn(whole.subarray(0, wanted));
      if (message === undefined) return;
      yield message;
      parts = [whole.subarray(wanted)];
      length -= wanted;
      wanted = headBytes;
    }
  }
  if (length > 0) throw new ConnectError('invalid_argument', 'the stream ended in the middle of a message');
}

/** @throws ConnectError */
function sizeIn(head: Buffer): number {
  const flags = head.readUInt8(0);
  if (flags & compressed) throw new ConnectError('unimplemented', 'compressed messages are not accepted');
  if (flags & ~last) throw new ConnectError('invalid_argument', 'a message has unknown flags');
  const size = head.readUInt32BE(1);
  if (size > maxFrameBytes)
    throw new ConnectError('resource_exhausted', `a message may have at most ${maxFrameBytes} bytes`);
  return size;
}

/** Undefined: the last frame. @throws ConnectError */
function messageIn(whole: Buffer): Readonly<Record<string, unknown>> | undefined {
  if (whole.readUInt8(0) & last) return undefined;
  if (!isCheapJson(whole.subarray(headBytes), maxDepth))
    throw new ConnectError('invalid_argument', 'a message holds too many values, or too deep ones');
  try {
    const message: unknown = JSON.parse(whole.toString('utf8', headBytes));
    if (typeof message === 'object' && message !== null && !Array.isArray(message))
      return message as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new ConnectError('invalid_argument', 'a message is no JSON object');
}
