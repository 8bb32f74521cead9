import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DragomanError, makeDirectories, newId, type Plans, secretHash } from '../../core/index.ts';
import type { KeyRecord, KeyRecords } from '../../stores/index.ts';

/** What a new key may use and do. */
export interface NewKey {
  /** Null: the default plan. */
  readonly plan?: string | null | undefined;
  /** It has the right `admin`. */
  readonly isAdmin?: boolean | undefined;
}

/** Makes, lists and revokes API keys. The secret is shown once, by `create`; only its hash is kept. */
export class ApiKeys {
  readonly #records: KeyRecords;
  readonly #plans: Pick<Plans, 'has' | 'keys'>;
  readonly #clock: () => number;

  constructor(records: KeyRecords, plans: Pick<Plans, 'has' | 'keys'>, clock: () => number = Date.now) {
    this.#records = records;
    this.#plans = plans;
    this.#clock = clock;
  }

  /**
   * Makes a key with a new secret of 256 random bits.
   * @throws DragomanError invalid_request when the name is malformed or a live key has it, or there is no such plan
   */
  async create(
    name: string,
    { plan = null, isAdmin = false }: NewKey = {},
  ): Promise<{ key: KeyRecord; secret: string }> {
    const secret = newSecret();
    return { key: await this.#record(name, secret, { plan: this.#known(plan), isAdmin }), secret };
  }

  /** All keys, oldest first, revoked ones included. */
  list(): Promise<KeyRecord[]> {
    return this.#records.list();
  }

  /** Gives a key another plan; running servers notice within seconds. @throws DragomanError not_found, invalid_request */
  async setPlan(idOrName: string, plan: string): Promise<void> {
    if (!(await this.#records.setPlan(idOrName, this.#known(plan)))) throw noSuchKey();
  }

  /** Gives a key the right `admin`, or takes it; running servers notice within seconds. @throws DragomanError not_found */
  async setAdmin(idOrName: string, isAdmin: boolean): Promise<void> {
    if (!(await this.#records.setAdmin(idOrName, isAdmin))) throw noSuchKey();
  }

  /** Ends a key; running servers notice within seconds. @throws DragomanError not_found */
  async revoke(idOrName: string): Promise<void> {
    if (!(await this.#records.revoke(idOrName, this.#clock()))) throw noSuchKey();
  }

  /**
   * For the first start: when there has never been a key, makes one named `default` and writes its secret to
   * `<dataDir>/api-key`, readable by the owner alone. It has the right `admin`: the one who can read that file has the machine. Returns undefined when there are keys already.
   */
  async createFirst(dataDir: string): Promise<{ path: string; secret: string } | undefined> {
    if ((await this.#records.list()).length > 0) return undefined;
    const path = join(dataDir, 'api-key');
    const secret = newSecret();
    // The file comes first: after a crash in between, the next start makes another key and replaces it.
    await writePrivately(path, `${secret}\n`);
    await this.#record('default', secret, { plan: null, isAdmin: true });
    return { path, secret };
  }

  /** @throws DragomanError invalid_request when a live key has a plan that there is not */
  async checkPlans(): Promise<void> {
    for (const { name, plan, revokedAt } of await this.#records.list())
      if (revokedAt === null && plan !== null && !this.#plans.has(plan))
        throw new DragomanError('invalid_request', {
          message: `The key ${name} has the plan ${plan}, which DRAGOMAN_PLANS does not define.`,
        });
  }

  #known(plan: string | null): string | null {
    if (plan === null || this.#plans.has(plan)) return plan;
    const names = [...this.#plans.keys()].join(', ');
    throw new DragomanError('invalid_request', {
      message: `There is no plan ${plan}; DRAGOMAN_PLANS defines ${names}.`,
    });
  }

  async #record(
    name: string,
    secret: string,
    { plan, isAdmin }: Pick<KeyRecord, 'plan' | 'isAdmin'>,
  ): Promise<KeyRecord> {
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(name))
      throw new DragomanError('invalid_request', {
        message: 'A key name is 1 to 64 letters, digits, ".", "_" or "-".',
      });
    const keys = await this.#records.list();
    if (keys.some((key) => key.name === name && key.revokedAt === null))
      throw new DragomanError('invalid_request', { message: `There is a live key named ${name} already.` });
    const id = newId();
    const key = { id, name, hash: secretHash(secret), plan, isAdmin, createdAt: this.#clock(), revokedAt: null };
    await this.#records.create(key);
    return key;
  }
}

const noSuchKey = () => new DragomanError('not_found', { message: 'No live key has this id or name.' });

const newSecret = () => `dgm_${randomBytes(32).toString('base64url')}`;

/** Replaces a file as a whole, with mode 0600, so that it survives power loss and never follows a link. */
async function writePrivately(path: string, content: string): Promise<void> {
  const directory = dirname(path);
  makeDirectories(directory, 0o711);
  const unfinished = `${path}.new`;
  await rm(unfinished, { force: true });
  await using file = await open(unfinished, 'wx', 0o600);
  await file.writeFile(content);
  await file.sync();
  await rename(unfinished, path);
  await using entry = await open(directory, 'r');
  await entry.sync();
}
