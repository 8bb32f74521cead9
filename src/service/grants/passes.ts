import { DragomanError } from '../../core/index.ts';
import type { Owner } from '../../stores/index.ts';
import type { JobReads } from '../executions/job-storage.ts';
import { seal, unseal } from './sealed.ts';

/** What a pass says. Its worker cannot read or change it. */
export interface Pass {
  readonly jobId: string;
  readonly reads: JobReads;
  /** Null: the job stores nothing. */
  readonly stores: PassRoom | null;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

interface PassRoom {
  /** Null: what it stores becomes no file. */
  readonly owner: (Owner & { readonly quota: { readonly bytes: number; readonly files: number } }) | null;
  /** Of one file; where it becomes no file, of all together. */
  readonly maxBytes: number;
}

/** More than the pass of any job has. */
const maxPassChars = 32 * 1024;

/** A pass as text, sealed with the service's secret: whose a job is stays unknown to workers. */
export function sealPass({ reads, ...rest }: Pass, secret: Uint8Array): string {
  const digests = Buffer.from(reads.digests.join(''), 'hex').toString('base64');
  return seal(JSON.stringify({ ...rest, session: reads.session, digests }), secret);
}

/** @throws DragomanError forbidden for one that was not sealed here, was changed, or is over */
export function openPass(text: unknown, secret: Uint8Array, now: number): Pass {
  if (typeof text !== 'string' || text.length > maxPassChars) throw new DragomanError('forbidden');
  const opened = unseal(text, secret);
  if (opened === undefined) throw new DragomanError('forbidden', { message: 'The pass is not one of this service.' });
  const said: Omit<Pass, 'reads'> & { session: JobReads['session']; digests: string } = JSON.parse(opened);
  if (said.until < now) throw new DragomanError('forbidden', { message: 'The time of the pass is over.' });
  const { session, digests, ...rest } = said;
  const hex = Buffer.from(digests, 'base64').toString('hex');
  return { ...rest, reads: { session, digests: hex.match(/.{64}/g) ?? [] } };
}
