import {
  DragomanError,
  type FairKey,
  FairStore,
  type Logger,
  type Metrics,
  type Principal,
  planOf,
} from '../../core/index.ts';
import type { Admission } from '../admission/admission.ts';
import { ownerOf } from '../executions/owner.ts';
import { OwnerTurns } from './owner-turns.ts';
import { extensionOf, makePreview, type PreviewJobParts } from './preview-job.ts';
import type { Preview, PreviewedFile, PreviewRequest, Previews } from './previews.ts';
import type { Summary } from './summary.ts';

export interface PreviewServiceOptions extends PreviewJobParts {
  readonly admission: Admission;
  /** Memory for previews that are kept. */
  readonly cacheBytes: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** What came of making a preview, as it is kept. */
type Made = { readonly preview: Preview } | { readonly refusal: DragomanError; readonly until: number };

/** A preview that is being made, and how many wait for it. */
interface UnderWay {
  readonly made: Promise<Made>;
  readonly abort: AbortController;
  waiting: number;
}

const keptMs = 10 * 60_000;
/** A document that took too long on a busy machine may be quicker in a while. */
const lateMs = 60_000;
const maxKept = 20_000;
/** What keeping one takes besides its bytes. */
const entryBytes = 512;
/** Previews of one owner that are made at once, and that wait to be. The rest of its places stays for its programs. */
const shares = { running: 2, waiting: 100 };

/**
 * Previews, made in sandboxes and kept in memory for a while by owner and digest. A preview takes a place among the executions of its
 * owner. One that several requests want at once is made once, and one that no request waits for any more is given up.
 */
export class PreviewService implements Previews {
  readonly #options: PreviewServiceOptions;
  readonly #kept: FairStore<Made>;
  readonly #underWay = new Map<string, UnderWay>();
  readonly #turns = new OwnerTurns(shares);
  #closing = false;

  constructor(options: PreviewServiceOptions) {
    this.#options = options;
    this.#kept = new FairStore({ maxEntries: maxKept, maxBytes: options.cacheBytes, ttlMs: keptMs });
  }

  /** Gives up what is being made. */
  close(): void {
    this.#closing = true;
    for (const { abort } of this.#underWay.values()) abort.abort();
  }

  async make(
    principal: Principal,
    file: PreviewedFile,
    request: PreviewRequest,
    signal?: AbortSignal,
  ): Promise<Preview> {
    const made = await this.#made(principal, file, request, signal);
    if ('refusal' in made) throw made.refusal;
    return made.preview;
  }

  async summary(principal: Principal, file: PreviewedFile, waitMs: number): Promise<Summary | undefined> {
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(resolve, waitMs, undefined);
    const found = this.make(principal, file, { form: 'json' }).then(
      ({ bytes }) => JSON.parse(Buffer.from(bytes).toString('utf8')) as Summary,
      () => undefined,
    );
    return Promise.race([found, late]).finally(() => clearTimeout(timer));
  }

  async #made(
    principal: Principal,
    file: PreviewedFile,
    request: PreviewRequest,
    signal: AbortSignal | undefined,
  ): Promise<Made> {
    const { tenant, id: principalId } = principal;
    const key: FairKey = { tenant, principalId, id: keyOf(file, request) };
    const kept = this.#kept.get(key);
    if (kept && !('until' in kept && kept.until <= this.#options.now())) return kept;
    if (this.#closing) throw new DragomanError('shutting_down', { retryAfterSeconds: 5 });
    const wayKey = JSON.stringify([tenant, principalId, key.id]);
    const found = this.#underWay.get(wayKey);
    const underWay = found && !found.abort.signal.aborted ? found : this.#begin(principal, file, request, key, wayKey);
    underWay.waiting++;
    try {
      return await orAborted(underWay.made, signal);
    } finally {
      if (--underWay.waiting === 0) underWay.abort.abort();
    }
  }

  #begin(principal: Principal, file: PreviewedFile, request: PreviewRequest, key: FairKey, wayKey: string): UnderWay {
    const abort = new AbortController();
    const made = this.#make(principal, file, request, key, abort.signal);
    const underWay: UnderWay = { made, abort, waiting: 0 };
    this.#underWay.set(wayKey, underWay);
    const over = () => {
      if (this.#underWay.get(wayKey) === underWay) this.#underWay.delete(wayKey);
    };
    made.then(over, over);
    return underWay;
  }

  /** Makes it in its owner's turn and place, and keeps what came of it. */
  async #make(
    principal: Principal,
    file: PreviewedFile,
    request: PreviewRequest,
    key: FairKey,
    signal: AbortSignal,
  ): Promise<Made> {
    const { admission, plans, metrics, logger } = this.#options;
    const owner = ownerOf(principal);
    const leaveTurn = await this.#turns.enter(owner, signal);
    try {
      const place = await admission.take(owner, planOf(plans, principal), signal);
      try {
        const { bytes, digest } = await makePreview(this.#options, principal, file, request, signal);
        metrics.count('previews_made', 'Previews made');
        return this.#keep(key, { preview: { form: request.form, bytes, digest } }, bytes.length);
      } catch (error) {
        if (!(error instanceof DragomanError) || error.code !== 'preview_refused') throw error;
        metrics.count('previews_refused', 'Previews that could not be made of a file');
        logger.debug({ reason: error.subcode, form: request.form, bytes: file.size }, 'there is no preview of a file');
        const until = this.#options.now() + (error.subcode === 'took_too_long' ? lateMs : keptMs);
        return this.#keep(key, { refusal: error, until }, 0);
      } finally {
        place.leave();
      }
    } finally {
      leaveTurn();
    }
  }

  #keep(key: FairKey, made: Made, bytes: number): Made {
    this.#kept.set(key, made, bytes + entryBytes);
    return made;
  }
}

/** Equal for requests that have the same answer. */
function keyOf({ name, digest }: PreviewedFile, { form, page, sheet, offset, width }: PreviewRequest): string {
  return JSON.stringify([digest, extensionOf(name), form, page ?? 1, sheet ?? 1, offset ?? 0, width ?? 0]);
}

/** @throws DragomanError cancelled */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = () => reject(new DragomanError('cancelled'));
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', stop));
}
