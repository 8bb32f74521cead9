import { setTimeout as sleep } from 'node:timers/promises';
import { DragomanError, type Logger, type Metrics, type Principal, within } from '../../core/index.ts';
import type { Runner } from '../../runner/index.ts';
import { fileSetOf, type SessionRecord } from '../../stores/index.ts';
import type { FileService } from '../files/file-service.ts';
import { PeerSilent, type Peers } from '../peers/peers.ts';
import { type OpenSession, placeOf } from '../sessions/open-session.ts';
import type { SessionDirectory } from '../sessions/session-directory.ts';
import type { SessionStates } from '../states/session-states.ts';
import type { Endings, ToldEnding } from './endings.ts';
import type { ExecutionLog } from './execution-log.ts';
import type { Execution } from './executions.ts';
import { type JobReading, readJob } from './job-reading.ts';
import type { JobStorage } from './job-storage.ts';
import type { Keep, Keeps } from './keeps.ts';
import { ownerOf } from './owner.ts';
import { executionOf, onceOf, type RecordedFiles, type Recording, recordAll } from './recording.ts';

export interface LateRecorderOptions {
  /** What workers have told. */
  readonly endings: Endings;
  readonly keeps: Keeps;
  readonly peers: Peers;
  readonly runner: Pick<Runner, 'events'>;
  readonly fileService: FileService;
  readonly jobFiles: JobStorage;
  readonly maxLifeMs: number;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface LateRecorderParts {
  readonly directory: SessionDirectory;
  readonly log: ExecutionLog;
  readonly states: SessionStates;
}

/** How long the gateway of an execution may take to say that it is done with it. */
const settledMs = 2000;
/** How long the events of a job are there: later nothing but the ending tells of it. */
const eventsKeptMs = 10 * 60_000;
/** Endings of one principal that are recorded at once: those of others come between. */
const maxOfOwner = 2;
/** How long an execution without a session, whose gateway has died, can be asked for. */
const rememberedMs = 10 * 60_000;
/** How long a caller waits for an ending that is on its way. */
const callerMs = 10_000;
const againMs = 250;

/**
 * Records how executions ended whose gateway has died. A gateway that lives records its own. What an execution left in a session is recorded
 * by whoever takes over the session's turn, before the turn passes: so the next execution finds it, and what comes later is refused.
 */
export class LateRecorder {
  readonly #options: LateRecorderOptions;
  readonly #parts: LateRecorderParts;
  /** Endings that are being recorded, by owner. */
  readonly #atOnce = new Map<string, number>();

  constructor(options: LateRecorderOptions, parts: LateRecorderParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Begins to take its share of what workers have told. */
  start(): void {
    const { endings } = this.#options;
    endings.serve(
      (told) => this.settle(told),
      (told, error) => this.#giveUp(told, error),
    );
  }

  /**
   * Sees to it that an ending is recorded. False: it is to come again later.
   * @throws DragomanError one that is not retryable when it can never be recorded
   */
  async settle(told: ToldEnding): Promise<boolean> {
    const keep = this.#keepOf(told);
    const isSettled = await this.#isSettledAtHome(keep);
    if (isSettled !== undefined) return isSettled;
    const owner = ownerOf(keep.principal);
    const atOnce = this.#atOnce.get(owner) ?? 0;
    if (atOnce >= maxOfOwner) return false;
    this.#atOnce.set(owner, atOnce + 1);
    try {
      return await (keep.session === null ? this.#recordAlone(told, keep) : this.#recordInTurn(told, keep));
    } finally {
      const left = this.#atOnce.get(owner)! - 1;
      if (left > 0) this.#atOnce.set(owner, left);
      else this.#atOnce.delete(owner);
    }
  }

  /** Records an execution whose gateway has died, for a caller that asks how it ended. Waits for an ending that is on its way. */
  async settleExecution(id: string): Promise<void> {
    const until = performance.now() + callerMs;
    while (performance.now() < until) {
      const told = await this.#options.endings.ofExecution(id);
      try {
        if (told && (await this.settle(told))) return;
      } catch (error) {
        if (!(error instanceof DragomanError)) throw error;
        this.#options.logger.warn({ execution: id, error: error.message }, 'an ending is not recorded');
        return;
      }
      if (!told && (await this.#parts.log.isWritten(id))) return;
      await sleep(againMs);
    }
  }

  /**
   * Records what the gateway whose turn is taken over has left of a session, in that turn still. False: it is not known yet what it has left.
   * @param session filled with what is recorded now
   * @param found its row, in the turn of that gateway
   */
  async settleTurn(session: OpenSession, found: SessionRecord): Promise<boolean> {
    const ref = placeOf(found);
    const told = ref && (await this.#options.endings.ofSession(ref));
    // What is of an earlier turn or epoch was recorded then, or is refused.
    if (!told || told.session?.turn !== found.turn || told.session.epoch !== found.epoch) return true;
    try {
      const keep = this.#keepOf(told);
      if (keep.session !== found.id || told.worker !== found.worker) throw forged();
      const reading = await this.#read(told, keep);
      if (!reading) return false;
      await this.#recordIn(session, told, keep, reading);
    } catch (error) {
      if (!(error instanceof DragomanError) || error.retryable) throw error;
      this.#giveUp(told, error);
    }
    return true;
  }

  /** @throws DragomanError forbidden */
  #keepOf(told: ToldEnding): Keep {
    const keep = this.#options.keeps.open(told.keep);
    if (keep.id !== told.exec || keep.session !== (told.session?.id ?? null)) throw forged();
    return keep;
  }

  /** Whether the gateway that began it is done with it. Undefined: that has died. */
  async #isSettledAtHome({ id, gateway }: Keep): Promise<boolean | undefined> {
    const { peers } = this.#options;
    if (gateway === peers.id) return (await within(this.#parts.log.settled(id), settledMs)) ?? false;
    if (!peers.isAlive(gateway)) return undefined;
    try {
      return await peers.ask<boolean>(gateway, { type: 'settled', id, waitMs: settledMs }, 2 * settledMs);
    } catch (error) {
      if (!(error instanceof PeerSilent)) throw error;
      return peers.isAlive(gateway) ? false : undefined;
    }
  }

  /** What the job's own events say of it. Undefined: it has not ended there yet. @throws DragomanError conflict, forbidden */
  async #read({ exec: id, worker, toldAt }: ToldEnding, { principal }: Keep): Promise<Partial<JobReading> | undefined> {
    const { runner, now } = this.#options;
    const reading = await readJob(runner, { id, owner: ownerOf(principal) });
    if (!reading) return now() - toldAt > eventsKeptMs ? {} : undefined;
    if (reading.worker !== worker) throw forged();
    if (reading.status !== 'done') return undefined;
    if (reading.ending?.result.outcome === 'worker_lost')
      throw new DragomanError('conflict', { message: 'The worker was taken for dead before the execution ended.' });
    return reading;
  }

  async #recordAlone(told: ToldEnding, keep: Keep): Promise<boolean> {
    const { fileService } = this.#options;
    const reading = await this.#read(told, keep);
    if (!reading) return false;
    const { id } = keep;
    const set = fileService.newSet(principalOf(keep), id, { kind: 'user' });
    const refs = new Map(keep.inputs.map((input) => [input.path, input]));
    const recorded = await this.#recordFiles(id, set, {
      ending: told.ending,
      before: (path) => refs.get(path),
      record: async (added) => void (await fileService.record(set, added, onceOf(this.#options, id))),
    });
    await this.#write(told, keep, reading, recorded, this.#options.now() + rememberedMs);
    return true;
  }

  /** Whoever takes over the turn of the gateway that has died records what that has left; so nothing is left to do but to look. */
  #recordInTurn(told: ToldEnding, keep: Keep): Promise<boolean> {
    const { fileService } = this.#options;
    const { epoch, turn } = told.session!;
    if (turn === undefined) throw forged();
    return this.#parts.directory.use(principalOf(keep), keep.session!, (session) =>
      session.inTurn(async () => {
        const { files, deleted } = told.ending;
        if (files.length + deleted.length === 0) return true;
        const set = fileService.opened(principalOf(keep), fileSetOf(session.record));
        const nothing = { added: [], superseded: [], epoch, turn, once: onceOf(this.#options, keep.id) };
        if (await fileService.revise(set, nothing)) throw new DragomanError('internal');
        return true;
      }),
    );
  }

  async #recordIn(session: OpenSession, told: ToldEnding, keep: Keep, reading: Partial<JobReading>): Promise<void> {
    const { ending } = told;
    const { id, kernel } = keep;
    const principal = principalOf(keep);
    const ref = session.ref!;
    if (ending.folders !== null) session.noteFolders(ending.folders);
    if (kernel !== null) session.noteKernel(kernel);
    if (kernel !== null && ending.result.outcome !== 'worker_lost')
      await this.#parts.states.noteCell(principal, session, { kernel, execution: id, ref }, ending);
    const set = this.#options.fileService.opened(principal, fileSetOf(session.record));
    const made = { epoch: ref.epoch, once: onceOf(this.#options, id) };
    const recorded = await this.#recordFiles(id, set, {
      ending,
      before: (path) => session.files.refAt(path),
      record: async (added, deleted) => void (await session.files.record(set, added, deleted, made)),
    });
    await this.#write(told, keep, reading, recorded, session.record.createdAt + this.#options.maxLifeMs);
  }

  async #recordFiles(
    id: string,
    set: Parameters<JobStorage['begin']>[1]['set'],
    recording: Omit<Recording, 'stored'>,
  ): Promise<RecordedFiles> {
    const { jobFiles } = this.#options;
    jobFiles.begin(id, { set, maxBytes: 0 }, { session: null, digests: [] });
    try {
      const recorded = await recordAll({ ...recording, stored: () => jobFiles.stored(id) });
      jobFiles.end(id);
      return recorded;
    } catch (error) {
      // Tried again, perhaps by another gateway.
      jobFiles.leave(id);
      throw error;
    }
  }

  /** Makes it what callers find by its id. */
  async #write(
    { code, ending }: ToldEnding,
    keep: Keep,
    reading: Partial<JobReading>,
    recorded: RecordedFiles,
    until: number,
  ): Promise<void> {
    const { id, language, tier, startedAt, inputs, session } = keep;
    const result = reading.ending?.result ?? ending.result;
    const facts = { id, sessionId: session ?? id, language, tier };
    const execution: Execution = executionOf(facts, inputs, startedAt, { ...ending, result }, recorded);
    await this.#parts.log.writeLate(principalOf(keep), { code, execution, last: reading.last ?? 0 }, until);
    this.#options.metrics.count('endings_recorded_late', 'Executions recorded for a gateway that has died');
    this.#options.logger.info({ execution: id, files: recorded.files.length }, 'recorded for a gateway that has died');
  }

  #giveUp({ exec, worker, ending }: ToldEnding, error: unknown): void {
    const { metrics, logger } = this.#options;
    metrics.count('endings_lost', 'Executions whose files no gateway recorded');
    const code = error instanceof DragomanError ? error.code : 'internal';
    const fields = { execution: exec, worker, files: ending.files.length, code, error: String(error) };
    logger.error(fields, 'the files of an execution are lost');
  }
}

function principalOf({ principal }: Keep): Principal {
  return { ...principal, name: principal.id };
}

function forged(): DragomanError {
  return new DragomanError('forbidden', { message: 'The ending is not of the worker, session or execution it names.' });
}
