import { createHash } from 'node:crypto';
import { boundedObject, DragomanError, printable, type StateLoss, type StateLossReason } from '../../core/index.ts';
import { BrokenState, readFrames, type StateFrame, smallContent } from './frames.ts';

/** Bytes that are stored together, and the frames they are. */
export interface StatePiece {
  /** sha256 in lower-case hexadecimal. */
  readonly digest: string;
  readonly size: number;
  readonly frames: readonly { readonly kind: 'B' | 'D'; readonly size: number }[];
}

/** The state of a kernel, as it is stored. Plain data. */
export interface KernelState {
  /** The head of its stream: JSON text of a hostile kernel. */
  readonly head: string;
  /** sha256 of head and body, which the kernel's loader asks for. */
  readonly digest: string;
  /** Of body and buffers. */
  readonly bytes: number;
  readonly pieces: readonly StatePiece[];
}

/** Stores bytes as they come. @throws DragomanError */
export type StorePiece = (
  content: AsyncIterable<Uint8Array>,
  maxBytes: number,
) => Promise<{ readonly digest: string; readonly size: number }>;

export interface SaveOptions {
  readonly token: string;
  /** Of body and buffers. */
  readonly maxBytes: number;
  readonly put: StorePiece;
}

const MiB = 1024 * 1024;
const maxHeadBytes = MiB;
const maxEndBytes = 4096;
const maxFaultBytes = 64 * 1024;
const maxBuffers = 8192;
const minBufferBytes = 64 * 1024;
/** Buffers that are stored one by one, so that those that stay the same are stored once. Further ones are stored together. */
const apart = 256;

/** Stores a hostile stream as it comes; of the stream itself only the head is held. Never rejects. */
export async function saveState(
  stream: AsyncIterable<Uint8Array>,
  options: SaveOptions,
): Promise<KernelState | StateLoss> {
  const frames = readFrames(stream);
  try {
    return await new Saving(frames, options).run();
  } catch (error) {
    if (error instanceof BrokenState) return { reason: 'broken', message: `${error.message}.` };
    if (error instanceof DragomanError && error.code === 'quota_exceeded') return loss('quota', error.message);
    return loss('storage', error instanceof DragomanError ? error.message : 'The state could not be stored.');
  } finally {
    await frames.return(undefined).catch(() => {});
  }
}

export function isLoss(state: KernelState | StateLoss): state is StateLoss {
  return 'reason' in state;
}

class Saving {
  readonly #frames: AsyncGenerator<StateFrame>;
  readonly #options: SaveOptions;
  #frame: StateFrame | undefined;
  #bytes = 0;
  #buffers = 0;

  constructor(frames: AsyncGenerator<StateFrame>, options: SaveOptions) {
    this.#frames = frames;
    this.#options = options;
  }

  async run(): Promise<KernelState | StateLoss> {
    const { token, maxBytes } = this.#options;
    await this.#next();
    if (this.#isFault()) return this.#fault();
    const head = await smallContent(this.#expect('H'), maxHeadBytes);
    if (boundedObject(head)?.token !== token) throw new BrokenState('the state has the head of another one');
    const hash = createHash('sha256').update(head);
    const pieces: StatePiece[] = [];
    await this.#next();
    if (this.#isFault()) return this.#fault();
    if (this.#expect('B').size > maxBytes) return tooLarge(maxBytes);
    pieces.push(await this.#piece('B', 1, (chunk) => hash.update(chunk)));
    while (this.#frame?.kind === 'D') {
      if (this.#isTooLarge()) return tooLarge(maxBytes);
      pieces.push(await this.#piece('D', this.#buffers < apart ? 1 : maxBuffers, () => {}));
    }
    if (this.#isTooLarge()) return tooLarge(maxBytes);
    if (this.#isFault()) return this.#fault();
    if (!this.#frame) return loss('deadline', 'The kernel did not write its whole state in time.');
    const end = boundedObject(await smallContent(this.#expect('E'), maxEndBytes));
    const digest = hash.digest('hex');
    if (end?.bytes !== this.#bytes || end.digest !== digest)
      throw new BrokenState('the state is not what its end says');
    return { head: head.toString('utf8'), digest, bytes: this.#bytes, pieces };
  }

  /** Stores the frames of one kind that come now, at most so many and within the bound of bytes, as one piece. */
  async #piece(kind: 'B' | 'D', most: number, look: (chunk: Uint8Array) => void): Promise<StatePiece> {
    const frames: { kind: 'B' | 'D'; size: number }[] = [];
    const take = () => this.#frame?.kind === kind && frames.length < most && !this.#isTooLarge();
    const content = async function* (this: Saving): AsyncGenerator<Uint8Array> {
      while (take()) {
        const frame = this.#count();
        frames.push({ kind, size: frame.size });
        for await (const chunk of frame.content) {
          look(chunk);
          yield chunk;
        }
        await this.#next();
      }
    };
    const stored = await this.#options.put(content.call(this), this.#options.maxBytes);
    return { ...stored, frames };
  }

  #count(): StateFrame {
    const frame = this.#frame!;
    this.#bytes += frame.size;
    if (frame.kind !== 'D') return frame;
    this.#buffers++;
    if (this.#buffers > maxBuffers || frame.size < minBufferBytes)
      throw new BrokenState('the state has too many buffers');
    return frame;
  }

  /** The next frame would be beyond the bound. */
  #isTooLarge(): boolean {
    const size = this.#frame?.kind === 'D' || this.#frame?.kind === 'B' ? this.#frame.size : 0;
    return this.#bytes + size > this.#options.maxBytes;
  }

  #isFault(): boolean {
    return this.#frame?.kind === 'F';
  }

  #expect(kind: StateFrame['kind']): StateFrame {
    if (this.#frame?.kind === kind) return this.#frame;
    if (!this.#frame) throw new BrokenState('the stream ends before its end');
    throw new BrokenState(`the stream has ${this.#frame.kind} where ${kind} belongs`);
  }

  async #next(): Promise<void> {
    const { value, done } = await this.#frames.next();
    this.#frame = done ? undefined : value;
  }

  async #fault(): Promise<StateLoss> {
    const said = boundedObject(await smallContent(this.#frame!, maxFaultBytes));
    const known: readonly unknown[] = ['deadline', 'memory', 'unavailable'];
    const reason = known.includes(said?.reason) ? (said!.reason as StateLossReason) : 'failed';
    return loss(reason, printable(said?.message, 500) || 'The kernel could not write its state.');
  }
}

function loss(reason: StateLossReason, message: string): StateLoss {
  return { reason, message };
}

function tooLarge(maxBytes: number): StateLoss {
  return loss('too_large', `The state is larger than ${maxBytes} bytes.`);
}
