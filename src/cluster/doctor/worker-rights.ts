import { PermissionViolationError } from '@nats-io/transport-node';
import type { Connection } from '../connection.ts';
import {
  gatewaySubject,
  inboxOf,
  leaseKey,
  leaseStream,
  leasesTold,
  workerSubject,
  workerSubjects,
} from '../subjects.ts';

/** A seat that no worker has: what is tried on it harms none. */
const otherSeat = 'doctor-none';

/** What a worker must not be able to hear: each with what it would learn. */
const unheard: Readonly<Record<string, string>> = {
  everything: '>',
  'what gateways ask other workers': 'dg.w.>',
  'what workers ask gateways': 'dg.g.>',
  'events of all executions': 'dg.ev.>',
  'what workers write of executions': 'dg.in.>',
  'the runs that wait': 'dg.run.>',
  'endings of all executions': 'dg.done.>',
  'the leases of other workers': leasesTold,
  'answers to gateways': `${inboxOf(undefined)}.>`,
  'answers to other workers': `${inboxOf(otherSeat)}.>`,
};

/** What a worker must not be able to send. */
const unsent: Readonly<Record<string, string>> = {
  'questions to other workers': workerSubject(otherSeat, 'doctor'),
  'questions to gateways in the name of another worker': gatewaySubject('doctor', otherSeat),
  'the lease of another worker': leaseKey(otherSeat),
  'runs for other workers': 'dg.run.doctor.0',
  'events in the name of another worker': `dg.in.${otherSeat}.doctor`,
  'events as a stream tells them': `dg.ev.${otherSeat}.doctor`,
  'endings in the name of another worker': `dg.done.${otherSeat}.-.doctor`,
  'responses in the background': 'dg.bg.doctor',
  'questions about streams': `$JS.API.STREAM.INFO.${leaseStream}`,
  'questions for messages of streams': `$JS.API.STREAM.MSG.GET.${leaseStream}`,
  'orders to make streams': '$JS.API.STREAM.CREATE.doctor',
  'orders to delete streams': '$JS.API.STREAM.DELETE.doctor',
  'orders to make consumers': '$JS.API.CONSUMER.CREATE.doctor',
  'questions to the server itself': '$SYS.REQ.SERVER.PING',
  'answers to gateways without being asked': `${inboxOf(undefined)}.doctor`,
};

export interface RightsReport {
  /** What it may do and must not, in words. */
  readonly excessive: readonly string[];
  /** What it may not do and has to. */
  readonly missing: readonly string[];
  readonly tried: number;
}

/** Tries with the rights of the worker in this seat what a worker must not be able to do. What is tried harms none where it is allowed. */
export async function excessiveRights({ nats }: Connection, seat: string): Promise<RightsReport> {
  const refused = new Set<string>();
  const status = nats.status();
  void (async () => {
    for await (const each of status)
      if (each.type === 'error' && each.error instanceof PermissionViolationError)
        refused.add(`${each.error.operation} ${each.error.subject}`);
  })();
  const hears = async (subject: string) => {
    let isRefused = false;
    const subscription = nats.subscribe(subject, {
      callback: (error) => {
        if (error) isRefused = true;
      },
    });
    // The server refuses before it answers this.
    await nats.flush();
    await new Promise((resolve) => setImmediate(resolve));
    if (!subscription.isClosed()) subscription.unsubscribe();
    return !isRefused && !refused.has(`subscription ${subject}`);
  };
  const sends = async (subject: string) => {
    nats.publish(subject);
    await nats.flush();
    await new Promise((resolve) => setImmediate(resolve));
    return !refused.has(`publish ${subject}`);
  };
  const excessive: string[] = [];
  for (const [what, subject] of Object.entries(unheard))
    if (await hears(subject)) excessive.push(`hear ${what} (${subject})`);
  for (const [what, subject] of Object.entries(unsent))
    if (await sends(subject)) excessive.push(`send ${what} (${subject})`);
  const missing: string[] = [];
  if (!(await hears(workerSubjects(seat)))) missing.push(`hear what gateways ask it (${workerSubjects(seat)})`);
  if (!(await sends(gatewaySubject('doctor', seat)))) missing.push(`ask gateways (${gatewaySubject('*', seat)})`);
  return { excessive, missing, tried: Object.keys(unheard).length + Object.keys(unsent).length };
}
