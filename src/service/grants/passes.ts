import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { DragomanError } from '../../core/index.ts';
import type { Owner } from '../../stores/index.ts';
import type { JobReads } from '../executions/job-storage.ts';

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

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
/** More than the pass of any job has. */
const maxPassChars = 32 * 1024;

/** A pass as text, sealed with the service's secret: whose a job is stays unknown to workers. */
export function sealPass({ reads, ...rest }: Pass, secret: Uint8Array): string {
  const digests = Buffer.from(reads.digests.join(''), 'hex').toString('base64');
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, secret, nonce, { authTagLength: tagBytes });
  const text = JSON.stringify({ ...rest, session: reads.session, digests });
  const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return sealed.toString('base64url');
}

/** @throws DragomanError forbidden for one that was not sealed here, was changed, or is over */
export function openPass(text: unknown, secret: Uint8Array, now: number): Pass {
  if (typeof text !== 'string' || text.length > maxPassChars) throw new DragomanError('forbidden');
  const sealed = Buffer.from(text, 'base64url');
  if (sealed.length < nonceBytes + tagBytes) throw new DragomanError('forbidden');
  let said: Omit<Pass, 'reads'> & { session: JobReads['session']; digests: string };
  try {
    const decipher = createDecipheriv(algorithm, secret, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
    decipher.setAuthTag(sealed.subarray(-tagBytes));
    const opened = Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()]);
    said = JSON.parse(opened.toString('utf8'));
  } catch {
    throw new DragomanError('forbidden', { message: 'The pass is not one of this service.' });
  }
  if (said.until < now) throw new DragomanError('forbidden', { message: 'The time of the pass is over.' });
  const { session, digests, ...rest } = said;
  const hex = Buffer.from(digests, 'base64').toString('hex');
  return { ...rest, reads: { session, digests: hex.match(/.{64}/g) ?? [] } };
}
