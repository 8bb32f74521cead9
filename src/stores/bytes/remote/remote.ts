import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import { type ByteRange, DragomanError, newId } from '../../../core/index.ts';
import { onStorage } from '../../faults.ts';
import {
  type Bytes,
  type DirectBytes,
  type GrantedContent,
  isDigest,
  type ReceivedContent,
  type SignedRequest,
} from '../bytes.ts';
import { IncomingFile } from '../incoming-file.ts';
import { receiveInto } from '../receive.ts';
import { HttpSender, textOf } from './send.ts';
import { type ByteRight, signedPath } from './signature.ts';

/** How long a request of our own is good for. */
const ownMs = 60_000;
const deletesAtOnce = 8;

export interface RemoteBytesOptions {
  /** Of a files role, without a path. */
  readonly url: string;
  /** The same there. */
  readonly secret: Uint8Array;
  /** Where content lies while it arrives, on this machine; it belongs to one process at a time. */
  readonly directory: string;
  readonly now: () => number;
}

/** Keeps bytes on the disk of another process (`ByteServer`), by requests that it signs for itself and for others. */
export function createRemoteBytes(options: RemoteBytesOptions): Bytes {
  return new RemoteBytes(options);
}

class RemoteBytes implements Bytes {
  readonly #options: RemoteBytesOptions;
  readonly #incoming: string;
  readonly #sender = new HttpSender();
  readonly direct: DirectBytes;

  constructor(options: RemoteBytesOptions) {
    this.#options = options;
    this.#incoming = join(options.directory, 'incoming');
    this.direct = {
      signGet: async (digest, lifeMs) => this.#sign({ do: 'read', digest }, lifeMs),
      signPut: async (content, lifeMs) => this.#signStore(content, lifeMs),
      signProof: async (content, lifeMs) => this.#signStore(content, lifeMs),
      received: (content) => this.#received(content),
      forgetProofs: (holds) => this.#forgetProofs(holds),
    };
  }

  async start(): Promise<number> {
    const { url } = this.#options;
    try {
      const answer = await this.#sender.send({ method: 'GET', url: new URL('/health', url).href });
      await textOf(answer);
      if (answer.statusCode !== 200) throw new Error(`it answers with ${answer.statusCode}`);
      await this.size('0'.repeat(64));
    } catch (error) {
      const reason = error instanceof DragomanError && error.cause ? error.cause : error;
      const message = `The files role at ${url} cannot be used: ${(reason as Error).message}`;
      throw new DragomanError('storage_unavailable', { message, cause: error });
    }
    return onStorage(async () => {
      const unfinished = await readdir(this.#incoming).catch(() => []);
      await rm(this.#incoming, { recursive: true, force: true });
      await mkdir(this.#incoming, { recursive: true, mode: 0o700 });
      return unfinished.length;
    });
  }

  async receive(source: AsyncIterable<Uint8Array> | Uint8Array, maxBytes: number): Promise<ReceivedContent> {
    const whole = source instanceof Uint8Array ? source : undefined;
    const file = new IncomingFile(join(this.#incoming, newId()));
    const { digest, size } = await receiveInto(file, source, maxBytes);
    return {
      digest,
      size,
      keep: () =>
        onStorage(async () => {
          if ((await this.size(digest)) !== size) {
            const content = whole ?? (await file.finish());
            const body = content instanceof Uint8Array ? content : () => createReadStream(content);
            await this.#done({ do: 'store', digest, size, hold: null }, body, { 'content-length': String(size) });
          }
          await file.discard();
        }),
      discard: () => file.discard(),
    };
  }

  async open(digest: string, range?: ByteRange): Promise<Readable> {
    if (!isDigest(digest)) throw new DragomanError('not_found');
    return onStorage(async () => {
      const headers = range && { range: `bytes=${range.start}-${range.end}` };
      const answer = await this.#call({ do: 'read', digest }, undefined, headers);
      if (answer.statusCode === 404) {
        await textOf(answer);
        throw new DragomanError('not_found');
      }
      await check(answer);
      return pipeline(answer, new PassThrough(), () => {}) as Readable;
    });
  }

  async size(digest: string): Promise<number | undefined> {
    if (!isDigest(digest)) return undefined;
    return onStorage(async () => {
      const answer = await this.#call({ do: 'size', digest });
      await textOf(answer);
      if (answer.statusCode === 404) return undefined;
      await check(answer);
      return Number(answer.headers['x-size']);
    });
  }

  async delete(digests: readonly string[]): Promise<void> {
    const valid = digests.filter(isDigest);
    await onStorage(async () => {
      for (let at = 0; at < valid.length; at += deletesAtOnce) {
        const some = valid.slice(at, at + deletesAtOnce);
        await Promise.all(some.map((digest) => this.#done({ do: 'delete', digest })));
      }
    });
  }

  async close(): Promise<void> {
    this.#sender.close();
  }

  #received(content: GrantedContent): Promise<boolean> {
    return onStorage(async () => {
      const answer = await this.#call({ do: 'received', ...content });
      await textOf(answer);
      if (answer.statusCode === 404) return false;
      await check(answer);
      return true;
    });
  }

  async #forgetProofs(holds: readonly string[]): Promise<void> {
    await Promise.allSettled(holds.map((hold) => this.#done({ do: 'forget', hold })));
  }

  #signStore({ digest, size, hold }: GrantedContent, lifeMs: number): SignedRequest {
    const signed = this.#sign({ do: 'store', digest, size, hold }, lifeMs);
    return { ...signed, headers: { 'content-length': String(size) } };
  }

  #sign(right: ByteRight, lifeMs: number): SignedRequest {
    const { url, secret, now } = this.#options;
    return { url: new URL(signedPath(right, now() + lifeMs, secret).path, url).href, headers: {} };
  }

  #call(right: ByteRight, body?: Uint8Array | (() => Readable), headers?: Record<string, string>) {
    const { url, secret, now } = this.#options;
    const { method, path } = signedPath(right, now() + ownMs, secret);
    return this.#sender.send({ method, url: new URL(path, url).href, headers, body });
  }

  async #done(right: ByteRight, body?: Uint8Array | (() => Readable), headers?: Record<string, string>): Promise<void> {
    const answer = await this.#call(right, body, headers);
    await check(answer);
    await textOf(answer);
  }
}

/** @throws Error with what the server said when it refused */
async function check(answer: IncomingMessage): Promise<void> {
  const { statusCode = 0 } = answer;
  if (statusCode >= 200 && statusCode < 300) return;
  throw new Error(`the files role answers with ${statusCode}: ${await textOf(answer)}`);
}
