import type { Tier } from '../../core/index.ts';
import type { PeerQuestion } from './questions.ts';

/** What gateways tell each other of an execution: whose it is, and where one learns more. */
export interface ExecutionNote {
  readonly id: string;
  readonly tenant: string;
  readonly principalId: string;
  /** As jobs name the principal. */
  readonly owner: string;
  readonly sessionId: string;
  /** It runs in a session, and not on its own. */
  readonly inSession: boolean;
  readonly language: string;
  readonly tier: Tier;
  readonly begunAt: number;
  /** The gateway that began it. */
  readonly gateway: string;
  /** What its caller's credential was issued for. */
  readonly authContext?: string | undefined;
  /** Of one with tools: what the dialect wants to read again. */
  readonly notes?: Readonly<Record<string, string>> | undefined;
}

/**
 * The gateways that serve one database, as one of them sees the others. What they tell each other is plain data. A process that is the
 * only one has `onlyProcess`, which costs nothing.
 */
export interface Peers {
  /** Of this process; another one after each start. Null: no other process serves this database. */
  readonly id: string | null;
  /** Other gateways that live, as far as is known. */
  others(): readonly string[];
  /** Whether a gateway lives, as far as is known: one that was killed is known to be dead after some seconds. */
  isAlive(gateway: string): boolean;
  /**
   * Asks a gateway.
   * @param waitMs how long an answer may take; a gateway that is not there is found out earlier
   * @throws PeerSilent; DragomanError of the other one
   */
  ask<T>(gateway: string, question: PeerQuestion, waitMs: number): Promise<T>;
  /**
   * Names who answers what other gateways ask.
   * @param doubted called when other gateways may have taken this one for dead for a while
   */
  serve(answer: (question: PeerQuestion) => Promise<unknown>, doubted: () => void): void;
  /** Lets other gateways know of an execution for some minutes. Never rejects, and its caller does not wait. */
  note(execution: ExecutionNote): void;
  /** What is known of an execution that was begun here or elsewhere; undefined: nothing. */
  find(id: string): Promise<ExecutionNote | undefined>;
  /** The latest execution of a session that is known. */
  latestOf(sessionId: string): Promise<ExecutionNote | undefined>;
}

/** A gateway did not answer: it is gone, or it stands still. What was asked may have been done. */
export class PeerSilent extends Error {
  constructor(gateway: string, options?: ErrorOptions) {
    super(`The gateway ${gateway} does not answer.`, options);
    this.name = 'PeerSilent';
  }
}

/** There is one process. */
export const onlyProcess: Peers = {
  id: null,
  others: () => [],
  isAlive: () => false,
  ask: async (gateway) => {
    throw new PeerSilent(gateway);
  },
  serve() {},
  note() {},
  find: async () => undefined,
  latestOf: async () => undefined,
};
