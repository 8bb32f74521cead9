import { DragomanError } from '../../core/index.ts';
import type { NumberedEvent } from '../../event-log/index.ts';
import type { JobEvent } from '../../runner/index.ts';
import { decode, encode, maxWholeBytes } from '../message.ts';

/**
 * The log of a job is a chain of records on the server. Each names the record before it, and the server stores it only if that is still
 * the last one: so a log has one beginning, one writer at a time and one end, whatever its writers believe.
 */
export interface Record {
  /** Whose job it is. */
  readonly owner: string;
  /** The sequence of the record before it; 0: it is the first. */
  readonly after: number;
  /** Whole events. Absent: it is a piece of one. */
  readonly events?: readonly NumberedEvent<JobEvent>[];
  readonly piece?: Piece;
}

/** Part of an event that is too large for one record. The pieces of an event follow each other. */
export interface Piece {
  /** Of the event. */
  readonly number: number;
  /** Counted from 0, and how many there are. */
  readonly index: number;
  readonly of: number;
  readonly bytes: Uint8Array;
}

/** Bytes of events in one record. */
export const maxRecordBytes = 192 * 1024;
const lineEnd = 10;
const maxPieces = Math.ceil(maxWholeBytes / maxRecordBytes);

/** An event as it stands in a record. */
export function eventBytes({ number, event }: NumberedEvent<JobEvent>): Buffer {
  return Buffer.from(JSON.stringify([number, event]));
}

/** A record of events that are bytes already. */
export function recordOf(owner: string, after: number, events: readonly Uint8Array[]): Uint8Array {
  const head = Buffer.from(encode({ owner, after }));
  const parts: Uint8Array[] = [head.subarray(0, -1), Buffer.from(',"events":[')];
  events.forEach((event, index) => {
    if (index > 0) parts.push(Buffer.from(','));
    parts.push(event);
  });
  return Buffer.concat([...parts, Buffer.from(']}')]);
}

/** A record of a part of an event. */
export function recordOfPiece(owner: string, after: number, { bytes, ...piece }: Piece): Uint8Array {
  return Buffer.concat([encode({ owner, after, piece }), Buffer.from([lineEnd]), bytes]);
}

/** @throws DragomanError invalid_request for what is no record */
export function readRecord(bytes: Uint8Array): Record {
  const end = bytes.indexOf(lineEnd);
  const head = decode<{ owner: unknown; after: unknown; events?: unknown; piece?: Omit<Piece, 'bytes'> }>(
    end < 0 ? bytes : bytes.subarray(0, end),
  );
  const { owner, after, events, piece } = head;
  if (typeof owner !== 'string' || !isCount(after)) throw noRecord();
  if (piece === undefined) return { owner, after, events: eventsOf(events) };
  const { number, index, of } = piece;
  if (end < 0 || !isCount(number) || !isCount(index) || !isCount(of) || index >= of || of > maxPieces) throw noRecord();
  return { owner, after, piece: { number, index, of, bytes: bytes.subarray(end + 1) } };
}

/** The event whose pieces these bytes are together. @throws DragomanError invalid_request when they are none */
export function readEvent(bytes: Uint8Array): NumberedEvent<JobEvent> {
  let pair: unknown;
  try {
    pair = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch {
    throw noRecord();
  }
  return eventsOf([pair])[0]!;
}

function eventsOf(pairs: unknown): NumberedEvent<JobEvent>[] {
  if (!Array.isArray(pairs)) throw noRecord();
  return pairs.map((pair) => {
    if (!Array.isArray(pair) || !isCount(pair[0]) || typeof pair[1]?.type !== 'string') throw noRecord();
    return { number: pair[0], event: pair[1] as JobEvent };
  });
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function noRecord(): DragomanError {
  return new DragomanError('invalid_request', { message: 'This is no record of the log of a job.' });
}
