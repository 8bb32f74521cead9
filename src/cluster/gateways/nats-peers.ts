import { jetstream, type StorageType } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { type Logger, newId, within } from '../../core/index.ts';
import { WorkerGone } from '../../runner/index.ts';
import { type ExecutionNote, type PeerQuestion, PeerSilent, type Peers } from '../../service/index.ts';
import { CallDesk } from '../calls/call-desk.ts';
import { WorkerCalls } from '../calls/worker-calls.ts';
import type { Connection } from '../connection.ts';
import { decode, encode } from '../message.ts';
import { executionBucket } from '../subjects.ts';
import { GatewayBeats } from './gateway-beats.ts';

/** Executions can be found through other gateways for so long after they began. */
const notesMs = 15 * 60_000;
const maxNotesBytes = 256 * 1024 * 1024;
const findMs = 2000;

/** A gateway among others that share its database, over NATS. */
export class NatsPeers implements Peers {
  readonly id: string;
  readonly #connection: Connection;
  readonly #beats: GatewayBeats;
  readonly #calls: WorkerCalls;
  readonly #desk: CallDesk;
  readonly #logger: Logger;
  #notes: KV | undefined;
  #answer: (question: PeerQuestion) => Promise<unknown> = async () => null;
  #doubted = () => {};
  #stop = () => {};

  constructor(connection: Connection, logger: Logger) {
    this.#connection = connection;
    this.#logger = logger;
    // As a worker's: a seat, which is a token of subjects, and the process in it.
    const seat = `gateway_${newId().slice(0, 12)}`;
    this.id = `${seat}.${newId()}`;
    this.#beats = new GatewayBeats({ connection, gateway: this.id, doubted: () => this.#doubted() });
    const gateways = {
      find: (gateway: string) => (this.#beats.isAlive(gateway) ? gateway : undefined),
      onGone: (listener: (gateway: string) => void) => this.#beats.onGone(listener),
    };
    this.#calls = new WorkerCalls(connection, gateways);
    this.#desk = new CallDesk({
      connection,
      worker: this.id,
      operations: { peer: { kind: 'call', run: (question: PeerQuestion) => this.#answer(question) } },
      logger,
    });
  }

  /** Begins to answer, and to say that it lives. */
  async start(): Promise<void> {
    await this.#openNotes();
    this.#stop = this.#connection.onChange((isConnected) => {
      // A server that was started anew has lost the bucket: it keeps it in memory.
      if (isConnected)
        this.#openNotes().catch((error) =>
          this.#logger.error({ error: String(error) }, 'executions of other gateways are not known'),
        );
    });
    this.#desk.start();
    this.#beats.start();
  }

  close(): void {
    this.#stop();
    this.#beats.close();
    this.#desk.close();
  }

  others(): readonly string[] {
    return this.#beats.alive().filter((gateway) => gateway !== this.id);
  }

  isAlive(gateway: string): boolean {
    return this.#beats.isAlive(gateway);
  }

  async ask<T>(gateway: string, question: PeerQuestion, waitMs: number): Promise<T> {
    const asked = this.#calls
      .call<T>(gateway, 'peer', question)
      .then((value) => ({ value }))
      .catch((error) => {
        throw error instanceof WorkerGone ? new PeerSilent(gateway, { cause: error }) : error;
      });
    const answer = await within(asked, waitMs);
    asked.catch(() => {});
    if (!answer) throw new PeerSilent(gateway);
    return answer.value;
  }

  serve(answer: (question: PeerQuestion) => Promise<unknown>, doubted: () => void): void {
    this.#answer = answer;
    this.#doubted = doubted;
  }

  note(execution: ExecutionNote): void {
    const keys = [execution.id, ...(execution.inSession ? [sessionKey(execution.sessionId)] : [])];
    for (const key of keys)
      this.#put(key, execution).catch((error) =>
        this.#logger.warn({ execution: execution.id, error: String(error) }, 'other gateways do not know an execution'),
      );
  }

  find(id: string): Promise<ExecutionNote | undefined> {
    return this.#read(id);
  }

  latestOf(sessionId: string): Promise<ExecutionNote | undefined> {
    return this.#read(sessionKey(sessionId));
  }

  async #openNotes(): Promise<void> {
    this.#notes = await new Kvm(this.#connection.nats).create(executionBucket, {
      storage: 'memory' as StorageType,
      history: 1,
      replicas: this.#connection.replicas,
      ttl: notesMs,
      max_bytes: maxNotesBytes,
    });
  }

  async #put(key: string, note: ExecutionNote): Promise<void> {
    await jetstream(this.#connection.nats).publish(`$KV.${executionBucket}.${key}`, encode(note), { timeout: findMs });
  }

  async #read(key: string): Promise<ExecutionNote | undefined> {
    if (!/^[A-Za-z0-9_=.-]{1,128}$/.test(key)) return undefined;
    const entry = await within(
      this.#notes!.get(key).catch(() => null),
      findMs,
    );
    if (entry?.operation !== 'PUT' || entry.value.length === 0) return undefined;
    return decode<ExecutionNote>(entry.value);
  }
}

const sessionKey = (id: string) => `session.${id}`;
