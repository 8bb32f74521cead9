import { createHash } from 'node:crypto';
import { BrokenState, frameHead, streamBegin } from './frames.ts';
import type { KernelState, StatePiece } from './save.ts';

/** Opens stored bytes. @throws DragomanError */
export type OpenPiece = (digest: string) => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;

/**
 * The stream of a stored state. It has its end, without which no kernel takes it in, only if every stored byte is what was stored.
 * @throws BrokenState, DragomanError
 */
export async function* stateStream(state: KernelState, open: OpenPiece): AsyncGenerator<Uint8Array> {
  const head = Buffer.from(state.head);
  yield Buffer.concat([streamBegin, frameHead('H', head.length), head]);
  for (const piece of state.pieces) yield* pieceStream(piece, await open(piece.digest));
  const end = Buffer.from(JSON.stringify({ bytes: state.bytes, digest: state.digest }));
  yield Buffer.concat([frameHead('E', end.length), end]);
}

async function* pieceStream(
  { digest, frames }: StatePiece,
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  const coming = frames.values();
  let left = 0;
  const begin = (): Buffer | undefined => {
    const { value: frame } = coming.next();
    left = frame?.size ?? 0;
    return frame && frameHead(frame.kind, frame.size);
  };
  /** The heads of frames that hold nothing, and of the next one that does. */
  function* heads(): Generator<Uint8Array> {
    while (left === 0) {
      const head = begin();
      if (!head) return;
      yield head;
    }
  }
  yield* heads();
  for await (const chunk of content) {
    hash.update(chunk);
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + left);
      if (part.length === 0) throw new BrokenState('stored bytes of a state are more than they were');
      yield part;
      at += part.length;
      left -= part.length;
      yield* heads();
    }
  }
  if (left > 0 || hash.digest('hex') !== digest)
    throw new BrokenState('stored bytes of a state are not what they were');
}
