import { DragomanError, type Logger, within } from '../../core/index.ts';
import type { Job, JobRef, LiveState, Runner, SessionOrder, SessionRef } from '../../runner/index.ts';
import { CallDesk, type Operation, Refusal } from '../calls/call-desk.ts';
import type { Connection } from '../connection.ts';
import { HeldLease } from '../leases/held-lease.ts';
import type { WorkerLease } from '../leases/lease.ts';
import type { WorkerLog } from '../log/worker-log.ts';
import { gatewaySubject, seatOf } from '../subjects.ts';
import { runnerOperations } from './operations.ts';

/** The runner of this process, and what only this process asks of it. */
interface HeldRunner extends Runner {
  /** Whether it runs or has run this job: then it does not take it again. */
  holds(job: JobRef): boolean;
  /** Resolves when this job does not run, or runs no more. */
  settled(jobId: string): Promise<void>;
  /** Jobs that run. */
  readonly running: number;
  /** Whether the session has a sandbox here, or could have one. */
  hasRoom(session: SessionRef, owner: string): boolean;
  /**
   * Ends idle sandboxes of sessions. Returns how many sessions are left, because something uses them.
   * @param spareMs those whose variables are not saved stay for so long after their last use
   */
  letGo(spareMs: number): Promise<number>;
  /** Every session that has a sandbox here. */
  held(): readonly SessionRef[];
}

export interface WorkerServiceOptions {
  readonly connection: Connection;
  readonly runner: HeldRunner;
  /** Where the events of jobs go. */
  readonly log?: Pick<WorkerLog, 'expect' | 'refuse' | 'whole'>;
  /** What its lease says, besides what this service knows itself. */
  readonly lease: () => Omit<WorkerLease, 'draining' | 'running'>;
  /** How long running jobs may go on when it ends. */
  readonly drainMs: number;
  readonly logger: Logger;
}

/** How long the name of another worker is waited for: of one that was killed it is free after some seconds. */
const seatWaitMs = 15_000;
/** How long gateways may take to read what has just ended. */
const readMs = 5000;
const drainStepMs = 200;
/** How long an idle session waits for its variables to be saved when a worker ends. */
const saveMs = 10_000;

/** The question of a worker that was taken for dead: which of these sessions are still its own? */
export interface OwnQuestion {
  readonly worker: string;
  readonly sessions: readonly { readonly id: string; readonly epoch: number }[];
}

/** What a worker does for gateways, as long as it holds its lease. */
export class WorkerService {
  readonly #options: WorkerServiceOptions;
  readonly #worker: string;
  readonly #desk: CallDesk;
  readonly #lease: HeldLease;
  /** The job that runs in each session. */
  readonly #busy = new Map<string, string>();
  /** The job of each session whose ending is not told yet. */
  readonly #untold = new Map<string, string>();
  #draining = false;

  constructor(options: WorkerServiceOptions) {
    this.#options = options;
    const { connection, runner, lease, logger } = options;
    this.#worker = lease().worker;
    const operations: Record<string, Operation> = {
      ...runnerOperations(runner),
      cell: { kind: 'call', run: (job: Job) => this.#take(job) } as Operation,
      open: { kind: 'call', run: (order: SessionOrder) => this.#open(order) } as Operation,
      sessions: { kind: 'call', run: (sessions: SessionRef[]) => this.#states(sessions) } as Operation,
      holds: { kind: 'call', run: async (job: JobRef) => runner.holds(job) } as Operation,
    };
    this.#desk = new CallDesk({ connection, worker: this.#worker, operations, logger });
    this.#lease = new HeldLease({
      connection,
      lease: () => ({ ...lease(), draining: this.#draining, running: runner.running }),
      lapsed: () => this.#giveUpLost(),
      alone: () => void this.#giveUp(runner.held()),
      logger,
    });
  }

  /** Gateways take it for alive, as far as it knows. */
  get hasLease(): boolean {
    return this.#lease.isHeld;
  }

  /** How often its lease had ended before it was renewed. */
  get lapses(): number {
    return this.#lease.lapses;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  /** Takes jobs from now on. @param waitMs how long the name of another worker is waited for @throws Error when another worker has its name */
  async start(waitMs = seatWaitMs): Promise<void> {
    await this.#lease.start(waitMs);
    // Only now: another process may answer in this name until then.
    this.#desk.start();
  }

  /** Takes nothing new, lets sessions go, and waits for what runs until its time is over. */
  async drain(): Promise<void> {
    const { runner, drainMs, logger } = this.#options;
    this.#draining = true;
    await this.#lease.tell();
    const until = performance.now() + drainMs;
    for (;;) {
      // Gateways save the variables of idle sessions meanwhile.
      const sessions = await runner.letGo(Math.min(saveMs, drainMs / 2));
      if (runner.running === 0 && sessions === 0) break;
      if (performance.now() > until) {
        logger.warn({ running: runner.running, sessions }, 'the time to end is over: what runs is ended');
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, drainStepMs));
    }
  }

  /** Ends the lease, once gateways have read how the last jobs ended. */
  async close(): Promise<void> {
    await within(this.#desk.read(), readMs);
    await this.#lease.close();
    this.#desk.close();
  }

  async #take(job: Job): Promise<void> {
    const { runner } = this.#options;
    await this.#mayBegin();
    const { session } = job;
    if (session) {
      if (!runner.hasRoom(session, job.owner)) throw new Refusal('full');
      await this.#turn(session.id, job);
    }
    this.#options.log?.expect(job);
    try {
      await runner.submit(job);
    } catch (error) {
      await this.#options.log?.refuse(job, error);
      throw error;
    }
    if (!session) return;
    this.#busy.set(session.id, job.id);
    this.#untold.set(session.id, job.id);
    void this.#told(job.id).then(() => {
      if (this.#untold.get(session.id) === job.id) this.#untold.delete(session.id);
    });
    void runner.settled(job.id).then(() => {
      if (this.#busy.get(session.id) === job.id) this.#busy.delete(session.id);
    });
  }

  async #open(order: SessionOrder): Promise<void> {
    await this.#mayBegin();
    if (!this.#options.runner.hasRoom(order.session, order.owner)) throw new Refusal('full');
    await this.#options.runner.openSession(order);
  }

  /**
   * A worker that stood still may find questions of a time before gateways took it for dead. So nothing begins unless the lease holds: a
   * clock of this process alone tells, or else the server, which has ended the lease or has not.
   */
  async #mayBegin(): Promise<void> {
    if (this.#draining) throw new Refusal('draining');
    if (this.#lease.isHeld) return;
    const before = this.#lease.lapses;
    await this.#lease.renew();
    if (!this.#lease.isHeld || this.#lease.lapses !== before) throw new Refusal('gone');
  }

  /** Waits for the job before, which a gateway that has died may have left running. */
  async #turn(sessionId: string, job: Job): Promise<void> {
    for (let other = this.#busy.get(sessionId); other !== undefined; other = this.#busy.get(sessionId)) {
      const left = job.deadline - Date.now();
      const settled = this.#options.runner.settled(other).then(() => true);
      if (left <= 0 || !(await within(settled, left)))
        throw new DragomanError('session_busy', { retryAfterSeconds: 1 });
      if (this.#busy.get(sessionId) === other) this.#busy.delete(sessionId);
    }
  }

  /** Resolves when a job has ended and gateways can know how. */
  async #told(job: string): Promise<void> {
    await this.#options.runner.settled(job);
    await this.#options.log?.whole(job);
  }

  /** A session is busy until what its job has left is told: a gateway that takes it over must find that. */
  async #states(sessions: readonly SessionRef[]): Promise<LiveState[]> {
    const states = await this.#options.runner.sessions(sessions);
    return sessions.flatMap(({ id }) => {
      const state = states.find((each) => each.id === id);
      if (!this.#untold.has(id)) return state ?? [];
      return { kernels: [], ...state, id, isBusy: true };
    });
  }

  /** Asks a gateway which sessions have moved while this worker was taken for dead, and ends those. */
  async #giveUpLost(): Promise<void> {
    const { connection, runner, logger } = this.#options;
    const held = runner.held();
    if (held.length === 0) return;
    const question: OwnQuestion = { worker: this.#worker, sessions: held.map(({ id, epoch }) => ({ id, epoch })) };
    try {
      const own = await connection.ask<readonly string[]>(gatewaySubject('own', seatOf(this.#worker)), question, 5000);
      const kept = new Set(own);
      await this.#giveUp(held.filter(({ id }) => !kept.has(id)));
    } catch (error) {
      logger.warn({ error: String(error) }, 'no gateway says which sessions are left to this worker: it ends all');
      await this.#giveUp(held);
    }
  }

  async #giveUp(sessions: readonly SessionRef[]): Promise<void> {
    const { runner, logger } = this.#options;
    if (sessions.length > 0) logger.warn({ sessions: sessions.length }, 'sessions that have moved elsewhere are ended');
    for (const { id } of sessions) {
      const job = this.#busy.get(id);
      if (job !== undefined) await runner.cancel(job);
    }
    await Promise.allSettled(sessions.map((session) => runner.dropSession(session)));
  }
}
