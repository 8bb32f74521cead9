import { DragomanError } from '../../core/index.ts';
import { maxWholeBytes } from '../message.ts';

/** Values as bytes: JSON, one a line. */
export async function* toLines(values: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const value of values) yield Buffer.from(`${JSON.stringify(value)}\n`);
}

/** The values that such bytes are of, wherever they were cut. */
export async function* fromLines<T>(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<T> {
  let begun: Uint8Array[] = [];
  let size = 0;
  for await (const part of bytes) {
    let from = 0;
    for (let at = part.indexOf(10); at >= 0; at = part.indexOf(10, from)) {
      begun.push(part.subarray(from, at));
      yield JSON.parse(Buffer.concat(begun).toString('utf8')) as T;
      begun = [];
      size = 0;
      from = at + 1;
    }
    if (from === part.length) continue;
    begun.push(part.subarray(from));
    size += part.length - from;
    if (size > maxWholeBytes) throw new DragomanError('too_large');
  }
}
