import { randomBytes } from 'node:crypto';
import { type Principal, secretHash } from '../../core/index.ts';
import type { Document, Documents } from '../../stores/index.ts';

/** A frozen copy that a link opens. */
export interface Share {
  readonly id: string;
  readonly content: unknown;
  /** Milliseconds since the epoch, as the next. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

const kind = 'share';

/** Copies that anyone with their link reads until they end. A link holds a random secret; only its hash is kept, and is the copy's id. */
export class Shares {
  readonly #documents: Documents;
  readonly #now: () => number;

  constructor(options: { readonly documents: Documents; readonly now: () => number }) {
    this.#documents = options.documents;
    this.#now = options.now;
  }

  /** Keeps a copy for `lifeMs`. @throws DragomanError quota_exceeded */
  async create(
    principal: Principal,
    { of, content, lifeMs }: { readonly of: string; readonly content: unknown; readonly lifeMs: number },
  ): Promise<Share & { readonly secret: string }> {
    const secret = randomBytes(24).toString('base64url');
    const createdAt = this.#now();
    const { tenant, id: principalId } = principal;
    const times = { createdAt, expiresAt: createdAt + lifeMs };
    const document = { kind, id: secretHash(secret), tenant, principalId, name: of, ...times, body: content };
    await this.#documents.put(document);
    return { ...shareOf(document), secret };
  }

  /** Undefined: unknown, ended or expired. */
  async find(secret: string): Promise<Share | undefined> {
    const found = await this.#documents.get(kind, secretHash(secret));
    return found && found.expiresAt > this.#now() ? shareOf(found) : undefined;
  }

  /** Those of a session that have not expired, latest first; at most 100. */
  async list(principal: Principal, of: string): Promise<Share[]> {
    const found = await this.#documents.list(kind, principal, { limit: 100, order: 'desc', name: of });
    return found.filter(({ expiresAt }) => expiresAt > this.#now()).map(shareOf);
  }

  /** Returns false when there was none. */
  async end(principal: Principal, of: string, id: string): Promise<boolean> {
    const found = await this.#documents.get(kind, id);
    const isOwn = found?.tenant === principal.tenant && found.principalId === principal.id && found.name === of;
    return isOwn && this.#documents.delete(kind, id);
  }
}

const shareOf = ({ id, body, createdAt, expiresAt }: Document): Share => ({ id, content: body, createdAt, expiresAt });
