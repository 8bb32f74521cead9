import type { PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3';
import type { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { DragomanError, isId } from '../../core/index.ts';
import { type DirectBytes, type GrantedContent, isDigest, type SignedRequest } from './bytes.ts';
import { statusOf } from './s3-errors.ts';
import type { S3Place } from './s3-place.ts';

/** Names the hold that an object came under. The server keeps it with the object. */
const holdHeader = 'x-amz-meta-hold';

export interface S3DirectParts {
  server(): Promise<S3Client>;
  onStorage<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Signed requests to an S3 server. A PUT is bound to the digest, the length and the hold by signed headers, and the server checks the body
 * against the digest. A proof is an object of its own, so that two clients with equal bytes cannot undo each other's.
 */
export class S3Direct implements DirectBytes {
  readonly #place: S3Place;
  readonly #parts: S3DirectParts;

  constructor(place: S3Place, parts: S3DirectParts) {
    this.#place = place;
    this.#parts = parts;
  }

  async signGet(digest: string, lifeMs: number): Promise<SignedRequest> {
    const { getSignedUrl, GetObjectCommand } = await presigner();
    const command = new GetObjectCommand({ Bucket: this.#place.bucket, Key: this.#keyOf(digest) });
    const url = await getSignedUrl(await this.#parts.server(), command, { expiresIn: secondsOf(lifeMs) });
    return { url, headers: {} };
  }

  signPut(content: GrantedContent, lifeMs: number): Promise<SignedRequest> {
    return this.#signPut(content, { Key: this.#keyOf(content.digest), IfNoneMatch: '*' }, lifeMs);
  }

  signProof(content: GrantedContent, lifeMs: number): Promise<SignedRequest> {
    return this.#signPut(content, { Key: this.#proofOf(content.hold) }, lifeMs);
  }

  async received(content: GrantedContent): Promise<boolean> {
    return this.#parts.onStorage(async () => {
      const stored = await this.#head(this.#keyOf(content.digest));
      if (stored?.size !== content.size) return false;
      if (stored.hold === content.hold) return true;
      const proof = await this.#head(this.#proofOf(content.hold));
      return proof?.size === content.size && proof.hold === content.hold;
    });
  }

  async forgetProofs(holds: readonly string[]): Promise<void> {
    const { DeleteObjectCommand } = await presigner();
    const server = await this.#parts.server();
    const { bucket: Bucket } = this.#place;
    await Promise.allSettled(
      holds.map((hold) => server.send(new DeleteObjectCommand({ Bucket, Key: this.#proofOf(hold) }))),
    );
  }

  async #signPut(
    { digest, size, hold }: GrantedContent,
    object: Pick<PutObjectCommandInput, 'Key' | 'IfNoneMatch'>,
    lifeMs: number,
  ): Promise<SignedRequest> {
    const { getSignedUrl, PutObjectCommand } = await presigner();
    const checksum = Buffer.from(digest, 'hex').toString('base64');
    const command = new PutObjectCommand({
      ...{ Bucket: this.#place.bucket, Key: object.Key, ContentLength: size, ChecksumSHA256: checksum },
      ...(object.IfNoneMatch === undefined ? {} : { IfNoneMatch: object.IfNoneMatch }),
      Metadata: { hold },
    });
    const headers = {
      'content-length': String(size),
      ...(object.IfNoneMatch === undefined ? {} : { 'if-none-match': object.IfNoneMatch }),
      'x-amz-checksum-sha256': checksum,
      [holdHeader]: hold,
    };
    // Headers that are signed must be sent. Left to itself the SDK moves them into the URL, where some servers do not look at them.
    const names = new Set(Object.keys(headers));
    const url = await getSignedUrl(await this.#parts.server(), command, {
      expiresIn: secondsOf(lifeMs),
      unhoistableHeaders: names,
      signableHeaders: new Set([...names, 'host']),
    });
    return { url, headers };
  }

  async #head(key: string): Promise<{ size: number; hold: string | undefined } | undefined> {
    const { HeadObjectCommand } = await presigner();
    const server = await this.#parts.server();
    try {
      const found = await server.send(new HeadObjectCommand({ Bucket: this.#place.bucket, Key: key }));
      return { size: found.ContentLength ?? 0, hold: found.Metadata?.hold };
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  #keyOf(digest: string): string {
    if (!isDigest(digest)) throw new DragomanError('not_found');
    return this.#place.prefix + digest;
  }

  #proofOf(hold: string): string {
    if (!isId(hold)) throw new DragomanError('not_found');
    return `${this.#place.prefix}proofs/${hold}`;
  }
}

const secondsOf = (lifeMs: number) => Math.max(1, Math.ceil(lifeMs / 1000));

type Sign = (client: S3Client, command: unknown, options: Parameters<typeof getSignedUrl>[2]) => Promise<string>;

/** Loaded when it is needed: it takes a tenth of a second and some memory. */
async function presigner() {
  const [sdk, signer] = await Promise.all([import('@aws-sdk/client-s3'), import('@aws-sdk/s3-request-presigner')]);
  // The two packages are released apart, and then their types differ in what is private.
  return { ...sdk, getSignedUrl: signer.getSignedUrl as unknown as Sign };
}
