import { randomBytes } from 'node:crypto';
import { type Principal, secretHash } from '../../core/index.ts';
import type { Documents } from '../../stores/index.ts';

/** A browser that is signed in. */
interface SignIn {
  /** Hash of the API key that it signed in with: when that key goes, so does this. */
  readonly keyHash: string;
}

export interface SignInsOptions {
  readonly documents: Documents;
  /** How long one lasts, in milliseconds. */
  readonly lifeMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const kind = 'sign-in';
/** Browsers that one principal is signed in with; a further one signs the oldest out. */
const maxSignIns = 50;

/** Browsers that are signed in. A browser holds a random secret, the records its hash; neither holds the API key. */
export class SignIns {
  readonly #options: SignInsOptions;

  constructor(options: SignInsOptions) {
    this.#options = options;
  }

  get lifeMs(): number {
    return this.#options.lifeMs;
  }

  /** Signs a browser in. Returns the secret that it is to keep: 256 random bits. */
  async begin(principal: Principal, keyHash: string): Promise<string> {
    const { documents, lifeMs, now } = this.#options;
    const secret = randomBytes(32).toString('base64url');
    const { tenant, id: principalId } = principal;
    const createdAt = now();
    await documents.put({
      kind,
      id: secretHash(secret),
      tenant,
      principalId,
      name: null,
      createdAt,
      expiresAt: createdAt + lifeMs,
      body: { keyHash } satisfies SignIn,
      essential: true,
    });
    const all = await documents.list(kind, principal, { limit: 2 * maxSignIns, order: 'desc' });
    for (const { id } of all.slice(maxSignIns)) await documents.delete(kind, id);
    return secret;
  }

  /** Undefined: unknown, signed out or expired. */
  async find(secret: string): Promise<SignIn | undefined> {
    const found = await this.#options.documents.get(kind, secretHash(secret));
    return found && found.expiresAt > this.#options.now() ? (found.body as SignIn) : undefined;
  }

  async end(secret: string): Promise<void> {
    await this.#options.documents.delete(kind, secretHash(secret));
  }
}
