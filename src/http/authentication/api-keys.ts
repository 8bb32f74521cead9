import { DragomanError, type Plans, type Principal, secretHash } from '../../core/index.ts';

/** A key of the operator's configuration. */
export interface ConfiguredKey {
  readonly name: string | undefined;
  readonly secret: string;
  readonly plan?: string | undefined;
  readonly isAdmin?: boolean | undefined;
}

/** A key as whatever keeps them knows it. */
export interface FoundKey {
  readonly id: string;
  readonly name: string;
  readonly plan: string | null;
  readonly isAdmin: boolean;
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

/** Finds principals by the hashes of their secrets, so that the time it takes says nothing about a secret. */
interface KeyLookup {
  /**
   * The principal of the key whose secret has this hash, or undefined.
   * @throws DragomanError storage_unavailable; internal for a key whose plan this server does not know
   */
  find(hash: string): Promise<Principal | undefined>;
  /** The same where it needs no looking up: a key of the configuration, or one that is believed. */
  known(hash: string): Principal | undefined;
  /** Principals of the keys of the configuration; several secrets of one name are one. */
  readonly configured: readonly Principal[];
  /** Believes no key that was found before: one has changed. */
  forget(): void;
}

export function keyLookup({ configured, findKey, plans, clock }: ApiKeyOptions): KeyLookup {
  const own = new Map(configured.map((key) => [secretHash(key.secret), configuredPrincipal(key)]));
  const believed = new Map<string, { principal: Principal; until: number }>();

  let changes = 0;
  const known = (hash: string) => own.get(hash) ?? current(believed.get(hash), clock());
  const find = async (hash: string): Promise<Principal | undefined> => {
    const now = clock();
    const cached = known(hash);
    if (cached) return cached;
    const before = changes;
    const key = await findKey(hash).catch((cause) => {
      throw new DragomanError('storage_unavailable', { message: 'Keys cannot be looked up at the moment.', cause });
    });
    if (!key) {
      believed.delete(hash);
      return undefined;
    }
    if (key.plan !== null && !plans.has(key.plan))
      throw new DragomanError('internal', { cause: new Error(`key ${key.name} has the unknown plan ${key.plan}`) });
    const principal = principalOf(key.id, { ...key, plan: key.plan ?? undefined });
    // It may have been read before a change that was told since.
    if (before !== changes) return find(hash);
    if (believed.size >= mostBelieved) believed.clear();
    believed.set(hash, { principal, until: now + believedMs });
    return principal;
  };
  return {
    find,
    known,
    configured: [...new Map([...own.values()].map((principal) => [principal.id, principal])).values()],
    forget() {
      changes++;
      believed.clear();
    },
  };
}

const current = (entry: { principal: Principal; until: number } | undefined, now: number) =>
  entry && now < entry.until ? entry.principal : undefined;

/**
 * A named key's principal depends on the name alone, so files outlive a renewed secret; an unnamed one's on its secret,
 * through a hash that is not the one kept for comparing. Neither depends on the order of the list.
 */
function configuredPrincipal({ name, secret, ...rest }: ConfiguredKey): Principal {
  if (name !== undefined) return principalOf(`name:${name}`, { ...rest, name });
  const mark = secretHash(`principal of ${secret}`);
  return principalOf(`hash:${mark.slice(0, 32)}`, { ...rest, name: `key-${mark.slice(0, 8)}` });
}

interface KeyTraits {
  readonly name: string;
  readonly plan?: string | undefined;
  readonly isAdmin?: boolean | undefined;
}

function principalOf(keyId: string, { name, plan, isAdmin }: KeyTraits): Principal {
  const id = `key:${keyId}`;
  const optional = { ...(plan === undefined ? {} : { plan }), ...(isAdmin ? { isAdmin } : {}) };
  return Object.freeze({ id, tenant: id, name, ...optional });
}
