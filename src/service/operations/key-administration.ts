import { DragomanError, type Logger, type Plans, type Principal } from '../../core/index.ts';
import type { KeyRecord } from '../../stores/index.ts';
import type { ApiKeys, NewKey } from '../keys/keys.ts';

/** A key as operators see it. */
export interface KnownKey {
  readonly id: string;
  readonly name: string;
  /** Id of the principal that its files and sessions belong to. */
  readonly principalId: string;
  /** One of the configuration is changed there alone. */
  readonly source: 'data directory' | 'configuration';
  readonly plan: string | null;
  readonly isAdmin: boolean;
  /** Milliseconds since the epoch; null: not known. */
  readonly createdAt: number | null;
  readonly revokedAt: number | null;
}

export interface KeyAdministrationOptions {
  readonly keys: ApiKeys;
  /** Principals of the keys of the configuration. */
  readonly configured: readonly Principal[];
  readonly plans: Pick<Plans, 'keys'>;
  /** Called after each change, so that it counts at once. */
  readonly changed: () => void;
  readonly logger: Logger;
}

type Actor = Pick<Principal, 'name'>;

/** What operators do with keys from afar. Each change is logged with the name of the key that made it. */
export class KeyAdministration {
  readonly #options: KeyAdministrationOptions;
  /** One change at a time: of two that each leave one key with the right admin, one is refused. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: KeyAdministrationOptions) {
    this.#options = options;
  }

  /** Names of the plans a key may have. */
  get plans(): readonly string[] {
    return [...this.#options.plans.keys()];
  }

  /** Those of the configuration first, then the newest first. */
  async all(): Promise<readonly KnownKey[]> {
    const stored = (await this.#options.keys.list()).map(storedKey).reverse();
    return [...this.#options.configured.map(configuredKey), ...stored];
  }

  /** Names of keys, revoked ones too, by the ids of their principals. */
  async names(): Promise<ReadonlyMap<string, string>> {
    return new Map((await this.all()).map(({ principalId, name }) => [principalId, name]));
  }

  /** Makes a key; its secret is in this answer alone. @throws DragomanError as `ApiKeys.create` */
  create(actor: Actor, name: string, wanted: NewKey): Promise<{ key: KnownKey; secret: string }> {
    return this.#change(async () => {
      const { key, secret } = await this.#options.keys.create(name, wanted);
      this.#tell(actor, key, 'an operator made a key');
      return { key: storedKey(key), secret };
    });
  }

  /** Gives a live key another plan or other rights. @throws DragomanError not_found; conflict for the last key that is admin */
  update(actor: Actor, id: string, { plan, isAdmin }: NewKey): Promise<KnownKey> {
    return this.#change(async () => {
      const { keys } = this.#options;
      const key = await this.#live(id);
      if (key.isAdmin && isAdmin === false) await this.#requireAnother(key);
      if (plan) await keys.setPlan(id, plan);
      if (isAdmin !== undefined) await keys.setAdmin(id, isAdmin);
      const changed = await this.#live(id);
      this.#tell(actor, changed, 'an operator changed a key');
      return storedKey(changed);
    });
  }

  /** Ends a key, and with it every browser that signed in with it. @throws DragomanError as `update` */
  revoke(actor: Actor, id: string): Promise<void> {
    return this.#change(async () => {
      const key = await this.#live(id);
      if (key.isAdmin) await this.#requireAnother(key);
      await this.#options.keys.revoke(id);
      this.#tell(actor, key, 'an operator revoked a key');
    });
  }

  async #live(id: string): Promise<KeyRecord> {
    if (this.#options.configured.some((principal) => keyIdOf(principal) === id))
      throw new DragomanError('conflict', { message: 'This key is in DRAGOMAN_API_KEYS: change it there.' });
    const key = (await this.#options.keys.list()).find((each) => each.id === id && each.revokedAt === null);
    if (!key) throw new DragomanError('not_found', { message: 'No live key has this id.' });
    return key;
  }

  async #requireAnother(key: KeyRecord): Promise<void> {
    const isLeft = (await this.all()).some(({ id, isAdmin, revokedAt }) => isAdmin && !revokedAt && id !== key.id);
    if (!isLeft)
      throw new DragomanError('conflict', {
        message: 'This is the last key with the right admin. Give another key the right first.',
      });
  }

  #change<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done.finally(() => this.#options.changed());
  }

  #tell(actor: Actor, { id, name, plan, isAdmin }: KeyRecord, message: string): void {
    this.#options.logger.info({ operator: actor.name, keyId: id, name, plan, isAdmin }, message);
  }
}

const keyIdOf = ({ id }: Pick<Principal, 'id'>) => id.slice('key:'.length);

function storedKey({ id, name, plan, isAdmin, createdAt, revokedAt }: KeyRecord): KnownKey {
  return { id, name, principalId: `key:${id}`, source: 'data directory', plan, isAdmin, createdAt, revokedAt };
}

function configuredKey(principal: Principal): KnownKey {
  const { id, name, plan = null, isAdmin = false } = principal;
  const times = { createdAt: null, revokedAt: null };
  return { id: keyIdOf(principal), name, principalId: id, source: 'configuration', plan, isAdmin, ...times };
}
