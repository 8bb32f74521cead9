import { type Logger, type Metrics, newId } from '../../core/index.ts';
import type { Document, Documents, Leases } from '../../stores/index.ts';
import { send } from './send.ts';
import { signedHeaders } from './signature.ts';

export interface WebhookOptions {
  readonly url: string;
  /** `whsec_` and the key in base64. */
  readonly secret: string;
  readonly allowsPrivate: boolean;
  readonly documents: Documents;
  /** Of the processes that share the records; absent: this one has them for itself. */
  readonly leases?: Leases | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** Something that has happened, as its receiver reads it. */
export interface WebhookEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Waiting {
  readonly body: string;
  readonly attempts: number;
  readonly nextAt: number;
}

const kind = 'webhook';
const service = { tenant: '', id: '' };
/** How long after an attempt the next one is made, in milliseconds; after the last of them it is given up. */
const pausesMs = [5000, 30_000, 120_000, 600_000, 1_800_000, 7_200_000];
const attemptMs = 10_000;
const atOnce = 4;
const lifeMs = 24 * 3_600_000;
/** How often notices are looked for that another process left. */
const scanMs = 15_000;
const pageLength = 100;

/**
 * Tells one address of the operator's what has happened. A notice is written with what it tells of, and sent until its receiver
 * accepts it or the attempts are used up: at least once, so a receiver heeds its id.
 */
export class Webhooks {
  readonly #options: WebhookOptions;
  readonly #key: Buffer;
  readonly #sending = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #wakesAt = 0;
  #isClosed = false;
  #looking: Promise<void> | undefined;
  #again = false;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#key = Buffer.from(options.secret.slice('whsec_'.length), 'base64');
  }

  /** The document to be written with what it tells of. @param id one notice has one id */
  notice(id: string, { type, data }: WebhookEvent): Document {
    const now = this.#options.now();
    const body = JSON.stringify({ id: `evt_${id}`, object: 'event', created_at: Math.floor(now / 1000), type, data });
    return this.#document(id, { body, attempts: 0, nextAt: now });
  }

  start(): void {
    this.wake();
  }

  /** Notices were written. */
  wake(): void {
    if (this.#isClosed) return;
    this.#again = true;
    this.#looking ??= this.#look()
      .catch((error) => this.#options.logger.warn({ error: String(error) }, 'webhooks were not looked for'))
      .finally(() => {
        this.#looking = undefined;
        if (this.#again) this.wake();
      });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#looking;
    await Promise.all(this.#sending.values());
  }

  async #look(): Promise<void> {
    this.#again = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let soonest = this.#options.leases ? this.#options.now() + scanMs : Number.POSITIVE_INFINITY;
    for await (const { id, body } of this.#all()) {
      const { nextAt } = body as Waiting;
      if (this.#sending.has(id)) continue;
      if (this.#isClosed) return;
      if (nextAt > this.#options.now()) {
        soonest = Math.min(soonest, nextAt);
        continue;
      }
      // Whatever does not find a place now is looked for again when one of these is over.
      if (this.#sending.size >= atOnce) break;
      const sending = this.#attempt(id)
        .catch((error) => {
          this.#options.logger.warn({ webhook: id, error: String(error) }, 'a webhook was not sent');
          return false;
        })
        .then((isOurs) => {
          this.#sending.delete(id);
          if (isOurs) this.wake();
          else this.#wakeIn(scanMs);
        });
      this.#sending.set(id, sending);
    }
    if (soonest !== Number.POSITIVE_INFINITY) this.#wakeIn(Math.max(100, soonest - this.#options.now()));
  }

  #wakeIn(ms: number): void {
    if (this.#isClosed || (this.#timer && this.#wakesAt <= performance.now() + ms)) return;
    clearTimeout(this.#timer);
    this.#wakesAt = performance.now() + ms;
    this.#timer = setTimeout(() => this.wake(), ms);
    this.#timer.unref();
  }

  async *#all(): AsyncGenerator<Document> {
    for (let after: string | undefined; ; ) {
      const page = await this.#options.documents.list(kind, service, { limit: pageLength, order: 'asc', after });
      yield* page;
      if (page.length < pageLength) return;
      after = page.at(-1)!.id;
    }
  }

  /** @returns false when another process sends it */
  async #attempt(id: string): Promise<boolean> {
    const { documents, leases, now, logger, metrics } = this.#options;
    const held = { name: `webhook:${id}`, holder: newId() };
    if (leases && !(await leases.take(held.name, held.holder, now(), now() + 2 * attemptMs))) return false;
    try {
      const document = await documents.get(kind, id);
      const waiting = document?.body as Waiting | undefined;
      if (!document || !waiting || waiting.nextAt > now()) return true;
      const fault = await this.#post(`evt_${id}`, waiting.body);
      const pause = pausesMs[waiting.attempts];
      if (fault && pause !== undefined && document.expiresAt > now()) {
        logger.warn(
          { webhook: id, attempt: waiting.attempts + 1, fault },
          'a webhook was not accepted, and is sent again',
        );
        await documents.put(this.#document(id, { ...waiting, attempts: waiting.attempts + 1, nextAt: now() + pause }));
        return true;
      }
      metrics.count(
        fault ? 'webhooks_given_up_total' : 'webhooks_accepted_total',
        fault ? 'Webhooks that no attempt brought to their receiver' : 'Webhooks that their receiver accepted',
      );
      if (fault) logger.error({ webhook: id, fault }, 'a webhook was given up');
      await documents.delete(kind, id);
      return true;
    } finally {
      if (leases) await leases.release(held.name, held.holder).catch(() => {});
    }
  }

  /** @returns why it was not accepted */
  async #post(id: string, body: string): Promise<string | undefined> {
    const { url, allowsPrivate, now } = this.#options;
    try {
      const headers = signedHeaders(this.#key, id, body, now());
      const status = await send({ url, headers, body, allowsPrivate, deadlineMs: attemptMs });
      return status >= 200 && status < 300 ? undefined : `status ${status}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #document(id: string, body: Waiting): Document {
    const { tenant, id: principalId } = service;
    const createdAt = this.#options.now();
    return {
      kind,
      id,
      tenant,
      principalId,
      name: null,
      createdAt,
      expiresAt: createdAt + lifeMs,
      body,
      essential: true,
    };
  }
}
