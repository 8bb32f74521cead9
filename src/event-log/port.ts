import type { FairKey } from '../core/index.ts';

/** An event and its place in its log, counted from 1. */
export interface NumberedEvent<E> {
  readonly number: number;
  readonly event: E;
}

/** The writing end of one log: a log has exactly one writer, which numbers its events. */
export interface EventWriter<E> {
  /** Number of the latest event; 0 before the first one. */
  readonly last: number;
  /**
   * Appends an event and returns its number. Does nothing but count once the log has ended.
   * @param number of the event in the log that this one is a copy of; greater than `last`. Absent: the next one
   */
  append(event: E, number?: number): number;
  /** No more events follow: readers finish when they have read the rest, and the log expires some time from now. */
  end(): void;
}

/**
 * Events of executions and responses: written once, in order, and read by any number of readers, who may leave and come back by
 * number. Events are plain data: they survive `structuredClone` and JSON. A log lives from `create` until its end and some time
 * longer, in which it may be dropped early to make room: the principal that holds the most loses its oldest log first.
 */
export interface EventLog<E> {
  /** Begins a log. An older log of the same key is dropped. */
  create(key: FairKey): EventWriter<E>;
  /** Whether the log is there, and its latest number. */
  find(key: FairKey): { readonly last: number; readonly ended: boolean } | undefined;
  /**
   * The events after number `after` (0: all of them), past ones first, then those that come, until the log ends, is deleted or
   * `signal` aborts. One log is bounded in bytes: events that are expendable may be missing, their numbers with them.
   * A log that does not exist yields nothing.
   */
  read(key: FairKey, after: number, signal?: AbortSignal): AsyncIterable<NumberedEvent<E>>;
  /** Drops a log at once; its readers finish. */
  delete(key: FairKey): void;
}
