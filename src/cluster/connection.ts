import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import {
  connect,
  type Msg,
  type NatsConnection,
  NoRespondersError,
  nkeyAuthenticator,
  RequestError,
  TimeoutError,
} from '@nats-io/transport-node';
import { DragomanError, type Logger } from '../core/index.ts';
import { type Answer, answered, answerOf, decode, encode, type Message } from './message.ts';

export interface ConnectionOptions {
  /** `host:port` of each server. */
  readonly servers: readonly string[];
  readonly tls: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Of an NKey; it comes before a password. */
  readonly seed: string | undefined;
  /** Certificates of the server's authority. Absent: those of the system. */
  readonly caFile: string | undefined;
  /** As operators see it on the server. */
  readonly name: string;
  /** Where answers come. */
  readonly inbox: string;
  /** How long the first connection is tried, in milliseconds. */
  readonly firstMs: number;
  readonly logger: Logger;
}

/** Why no answer came: no process listens on the subject now, or none answered in time. What was asked may have been done. */
export class Unanswered extends Error {
  readonly isAbsent: boolean;

  constructor(subject: string, isAbsent: boolean, cause: unknown) {
    super(`${subject}: ${isAbsent ? 'no process listens' : 'no answer in time'}`, { cause });
    this.name = 'Unanswered';
    this.isAbsent = isAbsent;
  }
}

/**
 * The library names the host to the check of a certificate, but not an address: for one it says `localhost`. Then the certificate has to be for
 * an address that was configured.
 */
function tlsOptions(servers: readonly string[], caFile: string | undefined) {
  const hosts = servers.map((server) => server.slice(0, server.lastIndexOf(':')).replace(/^\[|\]$/g, ''));
  const addresses = hosts.filter((host) => isIP(host) !== 0);
  return {
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') }),
    checkServerIdentity(host: string, certificate: PeerCertificate): Error | undefined {
      const meant = hosts.includes(host) || addresses.length === 0 ? [host] : addresses;
      const faults = meant.map((each) => checkServerIdentity(each, certificate));
      return faults.includes(undefined) ? undefined : faults[0];
    },
  };
}

/** Of three servers or more one may be lost, with all it keeps. */
const replicasOfMany = 3;

type Handler = (message: Msg) => Promise<Uint8Array> | Uint8Array;

/** A connection to the NATS servers. It comes back by itself for as long as the process lives. */
export class Connection {
  /** The library's own, for streams and consumers. */
  readonly nats: NatsConnection;
  /** On how many servers is kept what they keep. */
  readonly replicas: number;
  readonly #logger: Logger;
  /** On the clock of `performance.now()`. Undefined: it is not connected. */
  #since: number | undefined = performance.now();
  #breaks = 0;
  readonly #listeners = new Set<(isConnected: boolean) => void>();

  private constructor(nats: NatsConnection, replicas: number, logger: Logger) {
    this.nats = nats;
    this.replicas = replicas;
    this.#logger = logger;
    void this.#watch();
  }

  /** @throws Error saying what to do when no server could be reached in time, or it refuses the credentials */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const { servers, tls, user, password, seed, caFile, name, inbox, firstMs, logger } = options;
    const until = performance.now() + firstMs;
    for (let attempt = 1; ; attempt++) {
      try {
        const nats = await connect({
          servers: [...servers],
          name,
          inboxPrefix: inbox,
          ...(seed !== undefined ? { authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)) } : {}),
          ...(seed === undefined && user !== undefined ? { user, pass: password ?? '' } : {}),
          ...(tls ? { tls: tlsOptions(servers, caFile) } : {}),
          timeout: 5000,
          maxReconnectAttempts: -1,
          reconnectTimeWait: 200,
          reconnectJitter: 200,
          // A server that has changed its users comes back with the old ones for a moment.
          ignoreAuthErrorAbort: true,
          pingInterval: 2000,
          maxPingOut: 3,
          noAsyncTraces: true,
        });
        return new Connection(nats, servers.length >= replicasOfMany ? replicasOfMany : 1, logger);
      } catch (error) {
        const reason = (error as Error).message;
        const where = servers.join(', ');
        if (/authorization/i.test(reason) || (error as Error).name === 'AuthorizationError')
          throw new Error(`The NATS server ${where} refuses the credentials of this ${name.split(' ')[0]}.`, {
            cause: error,
          });
        if (performance.now() > until)
          throw new Error(
            `No NATS server answers at ${where} (${reason}). Is it running, and is DRAGOMAN_NATS_URL right?`,
            {
              cause: error,
            },
          );
        if (attempt === 1) logger.warn({ servers: where, error: reason }, 'no NATS server answers yet; trying again');
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }
  }

  /** How often it was lost. */
  get breaks(): number {
    return this.#breaks;
  }

  get isConnected(): boolean {
    return this.#since !== undefined;
  }

  /** For how long it has been connected without a break, in milliseconds; 0: it is not. */
  get connectedMs(): number {
    return this.#since === undefined ? 0 : performance.now() - this.#since;
  }

  /** Calls back when it is lost and when it is back. Returns what ends that. */
  onChange(listener: (isConnected: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Sends bytes and waits for bytes. @throws Unanswered */
  async request(subject: string, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    try {
      return (await this.nats.request(subject, payload, { timeout: timeoutMs })).data;
    } catch (error) {
      const isAbsent = error instanceof NoRespondersError || (error instanceof RequestError && error.isNoResponders());
      if (isAbsent || error instanceof TimeoutError || error instanceof RequestError)
        throw new Unanswered(subject, isAbsent, error);
      if (this.nats.isClosed() || this.nats.isDraining()) throw new DragomanError('shutting_down', { cause: error });
      throw error;
    }
  }

  /** Asks with a message. @throws Unanswered; DragomanError of the other side */
  async ask<T>(subject: string, body: object, timeoutMs: number): Promise<T> {
    return answered<T>(decode<Answer<T>>(await this.request(subject, encode(body), timeoutMs)));
  }

  /**
   * Answers what comes on a subject; each question as soon as it comes. The handler must not reject: what it throws is logged, and
   * the one who asks hears nothing.
   * @param queue the group in which processes share the questions
   */
  serve(subject: string, queue: string | undefined, handler: Handler): () => void {
    const subscription = this.nats.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => {
        if (error) this.#logger.error({ subject, error: String(error) }, 'a subscription was refused');
        else void this.#answer(message, handler);
      },
    });
    return () => subscription.unsubscribe();
  }

  /** Answers questions that are messages. */
  answer<Q, A>(
    subject: string,
    queue: string | undefined,
    handler: (question: Message<Q>, subject: string) => Promise<A>,
  ) {
    return this.serve(subject, queue, async (message) => {
      return encode(await answerOf(async () => handler(decode<Q>(message.data), message.subject)));
    });
  }

  /** Sends what is on its way, and closes. */
  async close(): Promise<void> {
    this.#listeners.clear();
    // A server that is gone takes no more: a drain would wait for it.
    if (!this.isConnected) return this.nats.close();
    await Promise.race([this.nats.drain(), new Promise((resolve) => setTimeout(resolve, 2000).unref())]);
    await this.nats.close();
  }

  async #answer(message: Msg, handler: Handler): Promise<void> {
    try {
      const answer = await handler(message);
      if (message.reply) message.respond(answer);
    } catch (error) {
      this.#logger.error({ subject: message.subject, error: String(error) }, 'a question was not answered');
    }
  }

  async #watch(): Promise<void> {
    for await (const status of this.nats.status()) {
      if (status.type === 'disconnect' && this.#since !== undefined) {
        this.#since = undefined;
        this.#breaks++;
        this.#logger.warn({}, 'the connection to the NATS server is lost; trying again');
        for (const listener of this.#listeners) listener(false);
      } else if (status.type === 'reconnect') {
        this.#since = performance.now();
        this.#logger.info({ server: this.nats.getServer() }, 'connected to the NATS server again');
        for (const listener of this.#listeners) listener(true);
      } else if (status.type === 'error')
        this.#logger.error({ error: String(status.error) }, 'the NATS server refused something');
    }
  }
}
