import { answerWorkers, type Connection, type JobLogs, seatOf } from '../cluster/index.ts';
import { DragomanError } from '../core/index.ts';
import { type GrantCause, GrantDesk, GrantedJobFiles, type JobStorage, serviceSecret } from '../service/index.ts';
import type { Common } from './common.ts';
import type { Storage } from './storage.ts';

/** Of one worker: it asks once for each file that its runs leave. */
const grantRate = { perSecond: 500, atOnce: 1000 };

/** Answers workers that ask for bytes. @throws DragomanError invalid_request where only this process has the bytes */
export async function startGrants(
  { records, fileService, direct }: Storage,
  connection: Connection,
  logs: Pick<JobLogs, 'seatOf'>,
  { lifetime, logger, metrics, now }: Common,
): Promise<JobStorage> {
  if (!direct)
    throw new DragomanError('invalid_request', { message: 'DRAGOMAN_FILES_URL must be set: workers share the files.' });
  const secret = await serviceSecret(records, 'file-passes');
  const shared = { direct, holds: records.jobHolds, secret, now };
  const jobFiles = new GrantedJobFiles({ ...shared, fileService, logger });
  lifetime.add(() => jobFiles.close());
  const desk = new GrantDesk({ ...shared, hasWork: (seat, cause) => hasWork(logs, seat, cause) });
  metrics.gauge('grants_asked', 'Questions of workers for bytes that are being answered', () => desk.atOnce);
  metrics.total('grants_refused', 'Questions of workers for bytes that were refused', () => desk.refused);
  lifetime.add(answerWorkers(connection, 'grant', grantRate, (question, seat) => desk.answer(question, seat)));
  return jobFiles;
}

/** A session says where it is; of a job that any worker may take, the log says who has begun it. */
async function hasWork(logs: Pick<JobLogs, 'seatOf'>, seat: string, { jobId, session }: GrantCause): Promise<boolean> {
  return seat === (session ? seatOf(session.worker) : await logs.seatOf(jobId));
}
