import { type Connection, gatewayQueue, gatewaySubjects } from '../cluster/index.ts';
import { DragomanError } from '../core/index.ts';
import { GrantDesk, GrantedJobFiles, type JobStorage, serviceSecret } from '../service/index.ts';
import type { Common } from './common.ts';
import type { Storage } from './storage.ts';

/** Answers workers that ask for bytes. @throws DragomanError invalid_request where only this process has the bytes */
export async function startGrants(
  { records, fileService, direct }: Storage,
  connection: Connection,
  { lifetime, logger, metrics, now }: Common,
): Promise<JobStorage> {
  if (!direct)
    throw new DragomanError('invalid_request', { message: 'DRAGOMAN_FILES_URL must be set: workers share the files.' });
  const secret = await serviceSecret(records, 'file-passes');
  const shared = { direct, holds: records.jobHolds, secret, now };
  const jobFiles = new GrantedJobFiles({ ...shared, fileService, logger });
  lifetime.add(() => jobFiles.close());
  const desk = new GrantDesk(shared);
  metrics.gauge('grants_asked', 'Questions of workers for bytes that are being answered', () => desk.atOnce);
  const end = connection.answer(gatewaySubjects('grant'), gatewayQueue, (question) => desk.answer(question));
  lifetime.add(end);
  return jobFiles;
}
