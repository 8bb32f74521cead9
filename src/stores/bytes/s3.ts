import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { type ByteRange, DragomanError, newId } from '../../core/index.ts';
import { onStorage } from '../faults.ts';
import { type Bytes, type DirectBytes, isDigest, type ReceivedContent } from './bytes.ts';
import { IncomingFile } from './incoming-file.ts';
import { receiveInto } from './receive.ts';
import { S3Direct } from './s3-direct.ts';
import { reasonOf, statusOf } from './s3-errors.ts';
import type { S3Place } from './s3-place.ts';

const connectMs = 5_000;
/** A server that says nothing for so long is given up. */
const silenceMs = 30_000;
const attempts = 3;
/** What S3 takes in one request. */
const maxObjectBytes = 5 * 1024 ** 3;

/**
 * Keeps bytes in a bucket of an S3 server, each content as an object named by its sha256. The server checks what it is sent against
 * the digest.
 * @param options.directory where content lies while it arrives, on this machine; it belongs to one process at a time
 */
export function createS3Bytes(options: { place: S3Place; directory: string }): Bytes {
  return new S3Bytes(options.place, join(options.directory, 'incoming'));
}

class S3Bytes implements Bytes {
  readonly #place: S3Place;
  readonly #incoming: string;
  #client: S3Client | undefined;
  readonly direct: DirectBytes;

  constructor(place: S3Place, incoming: string) {
    this.#place = place;
    this.#incoming = incoming;
    this.direct = new S3Direct(place, {
      server: () => this.#server(),
      onStorage: (work) => this.#onStorage(work),
    });
  }

  async start(): Promise<number> {
    const { bucket, endpoint } = this.#place;
    try {
      const { HeadBucketCommand } = await sdk();
      await (await this.#server()).send(new HeadBucketCommand({ Bucket: bucket }));
    } catch (error) {
      const where = `The bucket ${bucket}${endpoint === undefined ? '' : ` at ${endpoint}`}`;
      const message = `${where} cannot be used: ${reasonOf(error)}`;
      throw new DragomanError('storage_unavailable', { message, cause: error });
    }
    return this.#onStorage(async () => {
      const unfinished = await readdir(this.#incoming).catch(() => []);
      await rm(this.#incoming, { recursive: true, force: true });
      await mkdir(this.#incoming, { recursive: true, mode: 0o700 });
      return unfinished.length;
    });
  }

  async receive(source: AsyncIterable<Uint8Array> | Uint8Array, maxBytes: number): Promise<ReceivedContent> {
    const whole = source instanceof Uint8Array ? source : undefined;
    const file = new IncomingFile(join(this.#incoming, newId()));
    const { digest, size } = await receiveInto(file, source, Math.min(maxBytes, maxObjectBytes));
    return {
      digest,
      size,
      keep: () =>
        this.#onStorage(async () => {
          // Equal bytes may be sent twice at once: the second only writes what is there already.
          if ((await this.#sizeOf(digest)) !== size) await this.#put(digest, size, whole ?? (await file.finish()));
          await file.discard();
        }),
      discard: () => file.discard(),
    };
  }

  async open(digest: string, range?: ByteRange): Promise<Readable> {
    if (!isDigest(digest)) throw new DragomanError('not_found');
    return this.#onStorage(async () => {
      const { GetObjectCommand } = await sdk();
      const server = await this.#server();
      const wanted = range && `bytes=${range.start}-${range.end}`;
      try {
        const answer = await server.send(new GetObjectCommand({ ...this.#object(digest), Range: wanted }));
        // A body that breaks off is an error of this stream, and a reader that stops early ends the request.
        return pipeline(answer.Body as Readable, new PassThrough(), () => {}) as Readable;
      } catch (error) {
        throw statusOf(error) === 404 ? new DragomanError('not_found') : error;
      }
    });
  }

  async size(digest: string): Promise<number | undefined> {
    return isDigest(digest) ? this.#onStorage(() => this.#sizeOf(digest)) : undefined;
  }

  async delete(digests: readonly string[]): Promise<void> {
    await this.#onStorage(async () => {
      const { DeleteObjectCommand } = await sdk();
      const server = await this.#server();
      const valid = digests.filter(isDigest);
      await Promise.all(valid.map((digest) => server.send(new DeleteObjectCommand(this.#object(digest)))));
    });
  }

  async close(): Promise<void> {
    this.#client?.destroy();
    this.#client = undefined;
  }

  /** Undefined when it is not there. */
  async #sizeOf(digest: string): Promise<number | undefined> {
    const { HeadObjectCommand } = await sdk();
    try {
      return (await (await this.#server()).send(new HeadObjectCommand(this.#object(digest)))).ContentLength;
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  /** The SDK repeats a failing request by itself, but not one whose body is a stream. */
  async #put(digest: string, size: number, content: Uint8Array | string): Promise<void> {
    const { PutObjectCommand } = await sdk();
    const server = await this.#server();
    for (let attempt = 1; ; attempt++) {
      const body = typeof content === 'string' ? createReadStream(content) : content;
      try {
        const checked = { ContentLength: size, ChecksumSHA256: Buffer.from(digest, 'hex').toString('base64') };
        await server.send(new PutObjectCommand({ ...this.#object(digest), ...checked, Body: body }));
        return;
      } catch (error) {
        const status = statusOf(error);
        const isRefused = status !== undefined && status < 500 && status !== 429;
        if (body === content || isRefused || attempt === attempts) throw error;
        await sleep(100 * 2 ** attempt);
      } finally {
        if (!(body instanceof Uint8Array)) body.destroy();
      }
    }
  }

  #object(digest: string): { Bucket: string; Key: string } {
    return { Bucket: this.#place.bucket, Key: this.#place.prefix + digest };
  }

  async #server(): Promise<S3Client> {
    if (this.#client) return this.#client;
    const { S3Client } = await sdk();
    const { region, endpoint, pathStyle } = this.#place;
    this.#client ??= new S3Client({
      region,
      ...(endpoint !== undefined && { endpoint }),
      forcePathStyle: pathStyle,
      maxAttempts: attempts,
      requestHandler: { connectionTimeout: connectMs, socketTimeout: silenceMs },
      // We send the digest ourselves; some servers do not know the framing in which the SDK sends its own.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
    return this.#client;
  }

  /** As `onStorage`, and the message names the bucket and what its server said. */
  async #onStorage<T>(work: () => Promise<T>): Promise<T> {
    return onStorage(async () => {
      try {
        return await work();
      } catch (error) {
        if (error instanceof DragomanError) throw error;
        throw new Error(`the bucket ${this.#place.bucket}: ${reasonOf(error)}`, { cause: error });
      }
    });
  }
}

/** Loaded when it is needed: it takes a tenth of a second and some memory. */
function sdk() {
  return import('@aws-sdk/client-s3');
}
