import { setTimeout as sleep } from 'node:timers/promises';
import { jetstream } from '@nats-io/jetstream';
import type { CellResult } from '../../core/index.ts';
import type { Job, JobEnding, SessionRef } from '../../runner/index.ts';
import type { Connection } from '../connection.ts';
import { encode } from '../message.ts';
import { doneSubject, seatOf } from '../subjects.ts';

/** An ending that leaves something to record, for any gateway: the one that follows the job may be gone. */
export interface DoneMessage {
  readonly exec: string;
  readonly owner: string;
  /** Id of the worker: its seat is a token of the subject, for which the server vouches. */
  readonly worker: string;
  readonly session: SessionRef | null;
  readonly keep: string | undefined;
  readonly pass: string | undefined;
  /** Without what was printed and shown. */
  readonly ending: JobEnding;
}

const answerMs = 3000;
const againMs = 250;

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
  { id, owner, session, keep, pass }: Job,
  ending: JobEnding,
  until: AbortSignal,
): Promise<void> {
  const ref = session && refOf(session);
  const message: DoneMessage = {
    exec: id,
    owner,
    worker,
    session: ref,
    keep,
    pass,
    ending: { ...ending, result: withoutTexts(ending.result) },
  };
  const bytes = encode(message);
  for (;;) {
    until.throwIfAborted();
    try {
      await jetstream(connection.nats).publish(doneSubject(seatOf(worker), id), bytes, {
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
