import { DragomanError, type Plans, type Principal, secretHash } from '../../core/index.ts';

/** A key of the operator's configuration. */
export interface ConfiguredKey {
  readonly name: string | undefined;
  readonly secret: string;
  readonly plan?: string | undefined;
}

/** A key as whatever keeps them knows it. */
export interface FoundKey {
  readonly id: string;
  readonly name: string;
  readonly plan: string | null;
}

export interface ApiKeyOptions {
  readonly configured: readonly ConfiguredKey[];
  /** Finds a live key by the hash of its secret, in whatever keeps them. */
  readonly findKey: (hash: string) => Promise<FoundKey | undefined>;
  readonly plans: Pick<Plans, 'has'>;
  /** Milliseconds; only differences matter. */
  readonly clock: () => number;
}

/** How long a found key is believed without asking again: a revoked key dies within this time. */
const believedMs = 3000;
const mostBelieved = 1000;

/**
 * Makes the function that turns a secret into its principal, or undefined; it throws as `keyHashLookup` says. Secrets are compared by
 * their hashes, so the time it takes says nothing about them.
 */
export function apiKeyLookup(options: ApiKeyOptions): (secret: string) => Promise<Principal | undefined> {
  const find = keyHashLookup(options);
  return (secret) => find(secretHash(secret));
}

/**
 * Makes the function that turns the hash of a secret into the principal of its key, or undefined; it throws DragomanError
 * storage_unavailable, and internal for a key whose plan this server does not know.
 */
export function keyHashLookup({
  configured,
  findKey,
  plans,
  clock,
}: ApiKeyOptions): (hash: string) => Promise<Principal | undefined> {
  const known = new Map(configured.map((key) => [secretHash(key.secret), configuredPrincipal(key)]));
  const believed = new Map<string, { principal: Principal; until: number }>();

  return async (hash) => {
    const now = clock();
    const cached = known.get(hash) ?? current(believed.get(hash), now);
    if (cached) return cached;
    const key = await findKey(hash).catch((cause) => {
      throw new DragomanError('storage_unavailable', { message: 'Keys cannot be looked up at the moment.', cause });
    });
    if (!key) {
      believed.delete(hash);
      return undefined;
    }
    if (key.plan !== null && !plans.has(key.plan))
      throw new DragomanError('internal', { cause: new Error(`key ${key.name} has the unknown plan ${key.plan}`) });
    const principal = principalOf(key.id, key.name, key.plan ?? undefined);
    if (believed.size >= mostBelieved) believed.clear();
    believed.set(hash, { principal, until: now + believedMs });
    return principal;
  };
}

const current = (entry: { principal: Principal; until: number } | undefined, now: number) =>
  entry && now < entry.until ? entry.principal : undefined;

/**
 * A named key's principal depends on the name alone, so files outlive a renewed secret; an unnamed one's on its secret,
 * through a hash that is not the one kept for comparing. Neither depends on the order of the list.
 */
function configuredPrincipal({ name, secret, plan }: ConfiguredKey): Principal {
  if (name !== undefined) return principalOf(`name:${name}`, name, plan);
  const mark = secretHash(`principal of ${secret}`);
  return principalOf(`hash:${mark.slice(0, 32)}`, `key-${mark.slice(0, 8)}`, plan);
}

function principalOf(keyId: string, name: string, plan: string | undefined): Principal {
  return Object.freeze({ id: `key:${keyId}`, tenant: `key:${keyId}`, name, ...(plan === undefined ? {} : { plan }) });
}
