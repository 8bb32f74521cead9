import { setTimeout as sleep } from 'node:timers/promises';
import { jetstream } from '@nats-io/jetstream';
import { z } from 'zod';
import { type CellResult, DragomanError } from '../../core/index.ts';
import type { Job, JobEnding, SessionRef } from '../../runner/index.ts';
import type { ToldEnding } from '../../service/index.ts';
import type { Connection } from '../connection.ts';
import { decode, encode } from '../message.ts';
import { doneSubject, seatOf } from '../subjects.ts';

/** An ending that leaves something to record, for any gateway: the one that follows the job may be gone. */
export type DoneMessage = Omit<ToldEnding, 'toldAt'>;

const answerMs = 3000;
const againMs = 250;
/** Characters of code that an ending names. */
const maxCode = 64 * 1024;

/** Whether a gateway has to record something of it, and has said how. */
export function leavesSomething({ keep, session }: Job, { files, deleted, lost, folders, continuity }: JobEnding) {
  if (keep === undefined) return false;
  const isNewKernel = session !== null && continuity !== 'continued';
  return files.length + deleted.length + lost.length + (folders?.length ?? 0) > 0 || isNewKernel;
}

/** Hands an ending to the gateways, for as long as that takes. */
export async function writeDone(
  connection: Connection,
  worker: string,
  { id, session, keep = '', code }: Job,
  ending: JobEnding,
  until: AbortSignal,
): Promise<void> {
  const ref = session && refOf(session);
  const message: DoneMessage = {
    exec: id,
    worker,
    session: ref,
    keep,
    code: code.length > maxCode ? '' : code,
    ending: { ...ending, result: withoutTexts(ending.result) },
  };
  const bytes = encode(message);
  for (;;) {
    until.throwIfAborted();
    try {
      await jetstream(connection.nats).publish(doneSubject(seatOf(worker), ref?.id ?? null, id), bytes, {
        msgID: id,
        timeout: answerMs,
      });
      return;
    } catch (error) {
      if (connection.nats.isClosed() || /max_?payload/i.test(String((error as Error).message))) throw error;
      await sleep(againMs, undefined, { ref: false });
    }
  }
}

/** What a session's reference consists of, whatever else a job says of its session. */
function refOf({
  kernel: _kernel,
  ran: _ran,
  state: _state,
  idleMs: _idleMs,
  ...ref
}: NonNullable<Job['session']>): SessionRef {
  return ref;
}

function withoutTexts(result: CellResult): CellResult {
  const empty = ({ bytes }: { readonly bytes: number }) => ({ text: '', bytes, truncated: bytes > 0 });
  return { ...result, stdout: empty(result.stdout), stderr: empty(result.stderr), outputs: [], error: null };
}

const path = z.string().max(4096);
const count = z.number().int().nonnegative();
const manyFiles = 100_000;

const done = z.object({
  exec: z.string().max(100),
  worker: z.string().max(100),
  session: z
    .object({ id: z.string().max(100), epoch: count, worker: z.string().max(100), turn: count.optional() })
    .nullable(),
  keep: z.string(),
  code: z.string().max(maxCode),
  ending: z.looseObject({
    type: z.literal('ended'),
    continuity: z.enum(['fresh', 'continued', 'restored']),
    result: z.looseObject({ outcome: z.string(), interpreter: z.string() }),
    files: z
      .array(z.object({ path, change: z.enum(['created', 'modified']), digest: z.string(), size: count, mode: count }))
      .max(manyFiles),
    deleted: z.array(path).max(manyFiles),
    folders: z.array(path).max(manyFiles).nullable(),
    lost: z.array(z.object({ path, reason: z.string().max(4096) })).max(manyFiles),
  }),
});

/** What a worker has said. @throws DragomanError invalid_request */
export function readDone(bytes: Uint8Array): DoneMessage {
  const read = done.safeParse(decode(bytes));
  if (read.success) return read.data as unknown as DoneMessage;
  throw new DragomanError('invalid_request', { message: `The ending is malformed: ${read.error.issues[0]?.message}` });
}
