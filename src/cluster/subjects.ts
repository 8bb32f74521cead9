import type { Tier } from '../core/index.ts';

/** Every name on the NATS server. A gateway may use all of them, a worker those of its seat alone (`rights.ts`). */

/** The seat of a worker: its name on the server, one token of a subject, for which it has its rights. */
const seatPattern = /^[A-Za-z0-9_-]{1,40}$/;

export function isSeat(name: string): boolean {
  return seatPattern.test(name) && name !== gatewayName;
}

/** The seat of the worker with this id: an id is the seat, a dot, and what tells one process of the seat from the next. */
export function seatOf(worker: string): string {
  return worker.slice(0, Math.max(0, worker.indexOf('.')));
}

/** The bucket of leases: each worker writes its own key, which is its seat. */
export const leaseBucket = 'dg_workers';
/** The stream behind it. */
export const leaseStream = `KV_${leaseBucket}`;
/** Where a worker writes its lease. */
export const leaseKey = (seat: string) => `$KV.${leaseBucket}.${seat}`;
/** Where leases are told again once they are stored: what the bucket refuses is not. */
export const leasesTold = 'dg.leases.>';

/** What gateways ask of the worker in this seat: one token more, or for streams three (`next.<call>.<number>`). */
export const workerSubject = (seat: string, ...tokens: readonly (string | number)[]) =>
  ['dg', 'w', seat, ...tokens].join('.');
export const workerSubjects = (seat: string) => workerSubject(seat, '>');

/** What a worker asks of any gateway. Its seat is the last token, so the server vouches for who asks. */
export const gatewaySubject = (question: string, seat: string) => `dg.g.${question}.${seat}`;
export const gatewaySubjects = (question: string) => `dg.g.${question}.*`;
/** The queue group in which gateways share such questions. */
export const gatewayQueue = 'gateways';

/** Where gateways say that they live. */
export const gatewayBeats = 'dg.gateways';
/** The bucket of executions that can be found through any gateway. */
export const executionBucket = 'dg_execs';

/** Where answers to the questions of a process come. */
export const inboxOf = (seat: string | undefined) =>
  seat === undefined ? '_INBOX_dg_gateways' : `_INBOX_dg_w_${seat}`;

/** Jobs without a session, which any worker may take: one message for each slot of a principal. */
export const runStream = 'DG_RUN';
/** Each tier has a queue of its own in it, so that a worker hears of no job that it could not run. */
export const runConsumer = (tier: Tier) => `workers_${tier}`;
export const runSubjects = 'dg.run.>';
export const runSubjectsOf = (tier: Tier) => `dg.run.${tier}.>`;
export const runSubject = (tier: Tier, owner: string, slot: number) => `dg.run.${tier}.${owner}.${slot}`;
/** Where a worker pulls jobs from. */
export const runPulls = (tier: Tier) => `$JS.API.CONSUMER.MSG.NEXT.${runStream}.${runConsumer(tier)}`;
/** Where it says what became of them. */
export const runAnswers = (tier: Tier) => `$JS.ACK.${runStream}.${runConsumer(tier)}.`;

/** Records of the logs of jobs. Each process writes under its own name, and all of them are told again once they are stored. */
export const logStream = 'DG_EV';
export const logSubjects = 'dg.in.>';
export const logSubject = (seat: string, job: string) => `dg.in.${seat}.${job}`;
/** A gateway's name in these subjects. No worker has it: a seat may not be called so. */
export const gatewayName = 'gateway';
export const logOfAll = (job: string) => `dg.in.*.${job}`;
export const logsTold = 'dg.ev.>';
export const logToldBy = (name: string, job: string) => `dg.ev.${name}.${job}`;
export const logTold = (job: string) => `dg.ev.*.${job}`;

/** Endings that leave something to record. */
export const doneStream = 'DG_DONE';
export const doneConsumer = 'recorders';
export const doneSubjects = 'dg.done.>';
/** Where an ending is of no session. */
export const noSession = '-';
export const doneSubject = (seat: string, session: string | null, job: string) =>
  `dg.done.${seat}.${session ?? noSession}.${job}`;
export const doneOfSession = (seat: string, session: string) => `dg.done.${seat}.${session}.*`;
export const doneOfJob = (job: string) => `dg.done.*.*.${job}`;
