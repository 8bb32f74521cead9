import { setTimeout as sleep } from 'node:timers/promises';
import { DragomanError, newId, pathFault } from '../../core/index.ts';
import type { DirectBytes, JobHold, JobHolds, SignedRequest } from '../../stores/index.ts';
import type { JobReads } from '../executions/job-storage.ts';
import { openPass, type Pass } from './passes.ts';

/** What a worker asks. Untrusted: every field is checked. */
interface GrantQuestion {
  readonly pass: string;
  /** Digests to read. */
  readonly get?: readonly string[];
  /** Content to store. */
  readonly put?: readonly WantedContent[];
  /** Content that is stored by others as well, which the worker shows that it has. */
  readonly prove?: readonly WantedContent[];
}

export interface WantedContent {
  readonly path: string;
  readonly digest: string;
  readonly size: number;
}

/** Requests for what was asked, in the same order. */
export interface GrantAnswer {
  readonly get: readonly SignedRequest[];
  readonly put: readonly SignedRequest[];
  readonly prove: readonly SignedRequest[];
}

/** What a question is for: a job, which may be one of a session. */
export interface GrantCause {
  readonly jobId: string;
  readonly session: JobReads['session'];
}

export interface GrantDeskOptions {
  readonly direct: DirectBytes;
  readonly holds: JobHolds;
  /** Whether the worker in this seat has the job, or its session. */
  readonly hasWork: (seat: string, cause: GrantCause) => Promise<boolean>;
  /** Of all gateways. */
  readonly secret: Uint8Array;
  readonly now: () => number;
}

/** What one question may ask for. */
const maxContents = 256;
/**
 * Questions at once, of all workers. One worker gets no more than what is left free: half of them where it asks alone, and where others ask as
 * much, as much as each of them, with as much left for one more.
 */
const maxAtOnce = 256;
/** How long a signed request may be begun. */
const requestMs = 5 * 60_000;
/** As of any upload: within it the files of a job are recorded. */
const holdMs = 3_600_000;
/** How long a question waits for the deletion of equal bytes. */
const deletionMs = 10_000;
const deletionPollMs = 20;

/** Signs what workers may read and store. It keeps nothing: any gateway answers any question. */
export class GrantDesk {
  readonly #options: GrantDeskOptions;
  #atOnce = 0;
  /** Questions that are being answered, by the seat of the worker. */
  readonly #ofSeat = new Map<string, number>();
  #refused = 0;

  constructor(options: GrantDeskOptions) {
    this.#options = options;
  }

  /** Questions that are being answered. */
  get atOnce(): number {
    return this.#atOnce;
  }

  /** Questions that were refused, for whatever reason. */
  get refused(): number {
    return this.#refused;
  }

  /**
   * @param seat of the worker that asks; somebody else vouches for it
   * @throws DragomanError forbidden, not_found, conflict (a session of another epoch), invalid_request, quota_exceeded, too_large,
   *   overloaded, storage_unavailable
   */
  async answer(question: unknown, seat: string): Promise<GrantAnswer> {
    const own = this.#ofSeat.get(seat) ?? 0;
    this.#atOnce++;
    this.#ofSeat.set(seat, own + 1);
    try {
      if (own >= maxAtOnce - this.#atOnce) throw new DragomanError('overloaded', { retryAfterSeconds: 1 });
      return await this.#answer(question, seat);
    } catch (error) {
      this.#refused++;
      throw error;
    } finally {
      this.#atOnce--;
      const left = this.#ofSeat.get(seat)! - 1;
      if (left > 0) this.#ofSeat.set(seat, left);
      else this.#ofSeat.delete(seat);
    }
  }

  async #answer(question: unknown, seat: string): Promise<GrantAnswer> {
    const { secret, now, hasWork } = this.#options;
    const { pass: text, get, put, prove } = readQuestion(question);
    const pass = openPass(text, secret, now());
    // A pass that another worker has seen, which gave the job back or lost the session, is worth nothing in its hands.
    if (!(await hasWork(seat, { jobId: pass.jobId, session: pass.reads.session })))
      throw new DragomanError('forbidden', { message: 'The job is not one of this worker.' });
    // Once for the whole question: nothing is granted where a part of it is refused.
    await this.#checkReads(pass, get);
    return { get: await this.#get(get), put: await this.#put(pass, put), prove: await this.#prove(pass, prove) };
  }

  /** @throws DragomanError not_found; conflict when the pass is of an earlier epoch, whatever is asked with it */
  async #checkReads({ reads }: Pass, digests: readonly string[]): Promise<void> {
    const allowed = new Set(reads.digests);
    const rest = digests.filter((digest) => !allowed.has(digest));
    const { session } = reads;
    const found = session ? await this.#options.holds.ofSession(session, rest) : [];
    for (const digest of found) allowed.add(digest);
    if (!digests.every((digest) => allowed.has(digest)))
      throw new DragomanError('not_found', { message: 'The job has no such content.' });
  }

  #get(digests: readonly string[]): Promise<SignedRequest[]> {
    return Promise.all(digests.map((digest) => this.#options.direct.signGet(digest, requestMs)));
  }

  async #put({ jobId, stores }: Pass, contents: readonly WantedContent[]): Promise<SignedRequest[]> {
    if (contents.length === 0) return [];
    if (!stores) throw new DragomanError('forbidden', { message: 'The job stores nothing.' });
    if (contents.some(({ size }) => size > stores.maxBytes)) throw new DragomanError('too_large');
    const { holds, direct, now } = this.#options;
    const wanted: JobHold[] = contents.map((content) => ({ ...content, id: newId() }));
    const job = { id: jobId, owner: stores.owner, maxBytes: stores.owner ? null : stores.maxBytes };
    const deadline = performance.now() + deletionMs;
    while (!(await holds.hold(job, wanted, now(), now() + holdMs))) {
      if (performance.now() > deadline)
        throw new DragomanError('storage_unavailable', {
          message: 'Equal content is being deleted, and that does not end.',
        });
      await sleep(deletionPollMs);
    }
    return Promise.all(wanted.map(({ id: hold, digest, size }) => direct.signPut({ hold, digest, size }, requestMs)));
  }

  #prove({ jobId }: Pass, contents: readonly WantedContent[]): Promise<SignedRequest[]> {
    const { holds, direct } = this.#options;
    return Promise.all(
      contents.map(async ({ path, digest }) => {
        const hold = await holds.prove(jobId, path, digest);
        if (!hold) throw new DragomanError('not_found', { message: 'The job may not store this.' });
        return direct.signProof({ hold: hold.id, digest, size: hold.size }, requestMs);
      }),
    );
  }
}

/** @throws DragomanError invalid_request */
function readQuestion(question: unknown): Required<GrantQuestion> {
  const { pass, get = [], put = [], prove = [] } = Object(question) as Partial<Record<keyof GrantQuestion, unknown>>;
  if (typeof pass !== 'string') throw wrong('has no pass');
  const digests = listOf(get).map(digestOf);
  const contents = [put, prove].map((list) => listOf(list).map(contentOf));
  if (digests.length + contents[0]!.length + contents[1]!.length > maxContents) throw wrong('asks for too much');
  if (new Set(contents[0]!.map(({ path }) => path)).size < contents[0]!.length) throw wrong('names a path twice');
  return { pass, get: digests, put: contents[0]!, prove: contents[1]! };
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value) || value.length > maxContents) throw wrong('has no list of contents');
  return value;
}

function digestOf(value: unknown): string {
  if (typeof value !== 'string' || !/^[0-9a-f]{64}$/.test(value)) throw wrong('names no digest');
  return value;
}

function contentOf(value: unknown): WantedContent {
  const { path, digest, size } = Object(value) as Partial<Record<keyof WantedContent, unknown>>;
  const fault = typeof path === 'string' ? pathFault(path) : 'must be text';
  if (fault) throw wrong(`names a path that ${fault}`);
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw wrong('names no size');
  return { path: path as string, digest: digestOf(digest), size: size as number };
}

function wrong(what: string): DragomanError {
  return new DragomanError('invalid_request', { message: `The question for bytes ${what}.` });
}
