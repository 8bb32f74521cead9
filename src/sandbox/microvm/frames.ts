/** Channels of a machine's port; see guest/microvm/relay.py. */
export const toMachine = { orders: 0, command: 1, given: 2 } as const;
export const fromMachine = { events: 0, claims: 1, stdout: 2, stderr: 3, saved: 4, content: 5 } as const;

export interface Frame {
  readonly channel: number;
  readonly content: Buffer;
}

const headBytes = 5;
/** The longest that the relay sends: one read of a file. */
const maxFrameBytes = 1024 * 1024;

/** One frame: a byte of channel, four bytes of length, the content. */
export function frameHead(channel: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  head.writeUInt8(channel);
  head.writeUInt32BE(length, 1);
  return head;
}

/** Takes what comes from a machine apart. */
export class FrameDecoder {
  #parts: Buffer[] = [];
  #bytes = 0;
  #wanted = headBytes;

  /** @throws Error on a frame that is too long */
  push(chunk: Buffer): Frame[] {
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    const frames: Frame[] = [];
    while (this.#bytes >= this.#wanted) {
      const all = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts, this.#bytes);
      const length = all.readUInt32BE(1);
      if (length > maxFrameBytes) throw new Error('a frame that is too long');
      const end = headBytes + length;
      this.#parts = [all];
      this.#wanted = end;
      if (all.length < end) break;
      frames.push({ channel: all.readUInt8(0), content: all.subarray(headBytes, end) });
      this.#parts = all.length > end ? [all.subarray(end)] : [];
      this.#bytes = all.length - end;
      this.#wanted = headBytes;
    }
    return frames;
  }
}
