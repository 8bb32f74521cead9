import { SchemaLane } from './schema-lane.ts';
import type { SchemaJob, SchemaVerdict } from './schema-worker.ts';

/** An owner whose check took too long waits with others like it for this long. */
const penaltyMs = 60_000;
const maxPenalties = 1000;

/**
 * Checks values against JSON Schemas that strangers wrote, in threads that are ended when a check takes too long: a pattern or a
 * recursion can be made to take forever. Owners are served in turn, and an owner whose check took too long is served by a second
 * thread for a minute, so that it holds up others once and no more. The library interprets schemas and makes no code of them.
 */
export class SchemaChecker {
  readonly #usual: SchemaLane;
  readonly #penalty: SchemaLane;
  /** Until when (by `performance.now`) an owner is served by the second thread. */
  readonly #slowUntil = new Map<string, number>();

  /** @param jobMs how long one check may take */
  constructor(jobMs = 500) {
    const onSlow = (owner: string) => this.#penalise(owner);
    this.#usual = new SchemaLane(jobMs, onSlow);
    this.#penalty = new SchemaLane(jobMs, onSlow);
  }

  /** What is wrong with the value, in a sentence; null when nothing is. @throws TooSlow */
  check(owner: string, schema: SchemaJob['schema'], value: unknown): Promise<SchemaVerdict> {
    const { promise, resolve, reject } = Promise.withResolvers<SchemaVerdict>();
    this.#laneOf(owner).add({ owner, job: { schema, value }, resolve, reject });
    return promise;
  }

  async close(): Promise<void> {
    await Promise.all([this.#usual.close(), this.#penalty.close()]);
  }

  #laneOf(owner: string): SchemaLane {
    const until = this.#slowUntil.get(owner);
    if (until === undefined) return this.#usual;
    if (performance.now() < until) return this.#penalty;
    this.#slowUntil.delete(owner);
    return this.#usual;
  }

  #penalise(owner: string): void {
    this.#slowUntil.delete(owner);
    this.#slowUntil.set(owner, performance.now() + penaltyMs);
    if (this.#slowUntil.size > maxPenalties) this.#slowUntil.delete(this.#slowUntil.keys().next().value!);
    for (const check of this.#usual.take(owner)) this.#penalty.add(check);
  }
}
