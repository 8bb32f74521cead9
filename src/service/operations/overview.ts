import type { TierState } from '../../core/index.ts';
import type { Runner } from '../../runner/index.ts';
import type { Admission } from '../admission/admission.ts';
import type { RunnerInfo } from '../runner-info.ts';
import type { FaultLog } from './fault-log.ts';
import type { Operations } from './operations.ts';

/** What one examination of the host says, as `dragoman doctor --json` prints it. */
export interface Examination {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly usable: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly state: 'present' | 'missing' | 'absent';
    readonly detail: string;
  }[];
  /** What gives the host what it lacks. */
  readonly remedies: readonly string[];
}

/** What the service runs on and is made of, for operators. */
export interface Surroundings {
  readonly version: string;
  /** Name of the sandbox image, with the hash of its definition. */
  readonly image: string;
  /** Name of the boundary around sandboxes. */
  readonly isolation: string;
  /** When the service started, in milliseconds since the epoch. */
  readonly startedAt: number;
  /** Idle sandboxes of sessions are closed while less memory than this is available. */
  readonly reserveBytes: number;
  memory(): { readonly available: number; readonly total: number };
  /** Of the file system that the data directory is on. */
  disk(): Promise<{ readonly free: number; readonly total: number }>;
  /** The latest examination of the host, made anew when it is old; it takes seconds. */
  examine(): Promise<Examination>;
  /** The latest one, if there was one. */
  readonly examined: Examination | undefined;
}

/** Something that is wrong now, and what mends it. */
export interface Complaint {
  readonly code: 'not_ready' | 'isolation' | 'queue' | 'failures' | 'disk' | 'memory' | 'host';
  readonly message: string;
  readonly mend: string;
}

export interface OverviewParts {
  readonly runner: Pick<Runner, 'census' | 'tiers'>;
  readonly runnerInfo: Pick<RunnerInfo, 'health'>;
  readonly admission: Admission;
  readonly operations: Pick<Operations, 'waiting'>;
  readonly faults: FaultLog;
  readonly surroundings: Surroundings;
  readonly now: () => number;
}

const longWaitMs = 60_000;
const recentMs = 60 * 60_000;
const smallestFreeDisk = 0.05;

/** How the service is, in numbers and in complaints. */
export class Overview {
  readonly #parts: OverviewParts;

  constructor(parts: OverviewParts) {
    this.#parts = parts;
  }

  async read() {
    const { runner, runnerInfo, admission, operations, surroundings } = this.#parts;
    const [census, tiers, health, disk] = await Promise.all([
      runner.census(),
      runner.tiers(),
      runnerInfo.health(),
      surroundings.disk(),
    ]);
    const { forAnswers, oldestQueuedAt } = operations.waiting();
    const total = (counts: readonly number[]) => counts.reduce((sum, each) => sum + each, 0);
    const state = { health, tiers, disk, memory: surroundings.memory(), oldestQueuedAt };
    return {
      ...state,
      running: admission.running,
      waiting: admission.waiting,
      places: admission.places,
      waitingForAnswers: forAnswers,
      sandboxes: {
        live: total(census.tiers.map(({ live }) => live)),
        parked: total(census.tiers.map(({ parked }) => parked)),
        ofSessions: census.sessions.length,
      },
      tiers: tiers.map((state) => {
        const { live = 0, parked = 0 } = census.tiers.find(({ tier }) => tier === state.tier) ?? {};
        return { ...state, live, parked };
      }),
      complaints: this.#complaints(state),
      surroundings,
    };
  }

  #complaints({ health, tiers, disk, memory, oldestQueuedAt }: State): Complaint[] {
    const { faults, surroundings, now } = this.#parts;
    const found: Complaint[] = [];
    if (!health.ready)
      found.push({
        code: 'not_ready',
        message: `Code cannot run: ${health.reason ?? 'not ready'}.`,
        mend: 'Look at what the doctor says, then at the log of the service.',
      });
    for (const { tier, fault } of tiers)
      if (fault !== null)
        found.push({
          code: 'isolation',
          message: `Who has a plan with the isolation ${tier} is refused: ${fault}.`,
          mend: 'Give the host what it lacks, as the doctor says, and start the service again; or give these keys another plan.',
        });
    const waitedMs = oldestQueuedAt === null ? 0 : now() - oldestQueuedAt;
    if (waitedMs > longWaitMs)
      found.push({
        code: 'queue',
        message: `An execution has waited ${Math.round(waitedMs / 1000)} s for a place.`,
        mend: 'End a run that takes long, give its key a plan with fewer running, or raise DRAGOMAN_CONCURRENCY.',
      });
    const failed = faults.list('failed', Number.POSITIVE_INFINITY).filter(({ at }) => now() - at < recentMs);
    if (failed[0])
      found.push({
        code: 'failures',
        message: `${failed.length} of the requests of the last hour failed, the latest with ${failed[0].status} ${failed[0].code}.`,
        mend: 'Find the id of the request in the log of the service.',
      });
    if (disk.total > 0 && disk.free / disk.total < smallestFreeDisk)
      found.push({
        code: 'disk',
        message: `Less than ${smallestFreeDisk * 100} % of the disk of the data directory is free.`,
        mend: 'Give it room, or lower DRAGOMAN_RETENTION_HOURS or what keys may store.',
      });
    if (memory.available < surroundings.reserveBytes)
      found.push({
        code: 'memory',
        message: 'Less memory is available than the reserve: idle sandboxes of sessions are closed.',
        mend: 'End sandboxes, lower DRAGOMAN_CONCURRENCY, or give the machine more memory.',
      });
    const { examined } = surroundings;
    if (examined && !examined.usable)
      found.push({
        code: 'host',
        message: `The doctor finds that the host lacks ${missingOf(examined).join(', ')}.`,
        mend: examined.remedies[0] ?? 'Run "dragoman doctor" on the machine.',
      });
    return found;
  }
}

interface State {
  readonly health: { readonly ready: boolean; readonly reason?: string };
  readonly tiers: readonly TierState[];
  readonly disk: { readonly free: number; readonly total: number };
  readonly memory: { readonly available: number; readonly total: number };
  readonly oldestQueuedAt: number | null;
}

const missingOf = ({ checks }: Examination) =>
  checks.filter(({ state }) => state === 'missing').map(({ name }) => name);
