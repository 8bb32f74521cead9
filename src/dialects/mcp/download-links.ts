import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Principal, StoredFile } from '../../core/index.ts';

/** What a link leads to. */
export interface LinkedFile {
  /** Whose file it is. */
  readonly principal: Principal;
  readonly sessionId: string;
  readonly fileId: string;
}

export interface DownloadLinksOptions {
  /** The service as people reach it; undefined: it does not know, and makes no links. */
  readonly publicUrl: string | undefined;
  readonly secret: Buffer;
  /** Milliseconds since the epoch. */
  now(): number;
}

const lifeMs = 3 * 86_400_000;
const ivBytes = 12;
const tagBytes = 16;
/** Longer ones come from tokens of other services with long subjects, and would be no address any more. */
export const longestToken = 480;

/** Addresses of single files for people who have no key. They are sealed, so they cannot be guessed and tell nothing. */
export class DownloadLinks {
  readonly #options: DownloadLinksOptions;
  readonly #key: Buffer;

  constructor(options: DownloadLinksOptions) {
    this.#options = options;
    this.#key = Buffer.from(hkdfSync('sha256', options.secret, '', 'dragoman mcp downloads', 32));
  }

  /** The address of a file; undefined where there can be none. */
  make({ tenant, id, name }: Principal, file: Pick<StoredFile, 'sessionId' | 'id'>): string | undefined {
    const { publicUrl, now } = this.#options;
    if (publicUrl === undefined) return undefined;
    const expires = Math.ceil((now() + lifeMs) / 1000);
    const text = JSON.stringify([expires, file.sessionId, file.id, tenant, id, name.slice(0, 64)]);
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv);
    const sealed = Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    const token = sealed.toString('base64url');
    return token.length > longestToken ? undefined : `${publicUrl}/mcp/files/${token}`;
  }

  /** What a token leads to; undefined when it was never made, or its time is over. */
  read(token: string): LinkedFile | undefined {
    const sealed = Buffer.from(token, 'base64url');
    if (sealed.length <= ivBytes + tagBytes || sealed.toString('base64url') !== token) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, ivBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAuthTag(sealed.subarray(-tagBytes));
    let text: string;
    try {
      text = decipher.update(sealed.subarray(ivBytes, -tagBytes), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      return undefined;
    }
    const [expires, sessionId, fileId, tenant, id, name] = JSON.parse(text) as [
      number,
      string,
      string,
      string,
      string,
      string,
    ];
    if (expires * 1000 < this.#options.now()) return undefined;
    return { principal: { tenant, id, name }, sessionId, fileId };
  }
}
