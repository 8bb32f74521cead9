import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { OpenApi, type OpenApiObject } from '../../test/support/openapi.ts';
import type { Target } from './good.ts';

/** A client that sends what it likes, reads what it likes, and ends what it has begun. */
export class AttackClient {
  readonly #target: Target;
  readonly #signal: AbortSignal;
  readonly #sessions: string[] = [];
  readonly #later: ((client: AttackClient) => Promise<unknown>)[] = [];
  #routes: OpenApi['operations'] = [];
  #next = 0;

  /** @param signal when the attack is over */
  constructor(target: Target, signal: AbortSignal) {
    this.#target = target;
    this.#signal = signal;
  }

  async start(): Promise<void> {
    const document = await fetch(`${this.#target.url}/openapi.json`);
    this.#routes = new OpenApi((await document.json()) as OpenApiObject).operations;
  }

  /** Reads the answer to its end, whatever it is. */
  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    signal = this.#signal,
  ): Promise<string> {
    const isBytes = body instanceof Uint8Array;
    const type = isBytes ? 'application/octet-stream' : 'application/json';
    const answer = await fetch(`${this.#target.url}/v1${path}`, {
      method,
      headers: { 'x-api-key': this.#target.key, ...(body === undefined ? {} : { 'content-type': type }), ...headers },
      ...(body === undefined ? {} : { body: isBytes ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
      signal,
    });
    // A client that is told to wait and does not would only be refused faster.
    if (answer.status === 429) await sleep(50);
    return answer.text();
  }

  post(path: string, body: object, headers?: Record<string, string>): Promise<string> {
    return this.send('POST', path, body, headers);
  }

  put(path: string, body: Uint8Array): Promise<string> {
    return this.send('PUT', path, body);
  }

  /** Makes what has to be ended by its id later, so the end of the attack does not cut it off. */
  async json<T>(path: string, body: object): Promise<T> {
    return JSON.parse(await this.send('POST', path, body, {}, AbortSignal.timeout(60_000)));
  }

  async session(): Promise<string> {
    const { id } = await this.json<{ id: string }>('/sessions', {});
    if (id === undefined) throw new Error('no session was made');
    this.#sessions.push(id);
    return id;
  }

  /** Does something when the attack is over, with a client that may still send. */
  later(work: (client: AttackClient) => Promise<unknown>): void {
    this.#later.push(work);
  }

  /** The next route of the service, with ids that do not exist and a body that is not right. */
  anyRoute(): Promise<string> {
    const { method, path, prefixes, operation } = this.#routes[this.#next++ % this.#routes.length]!;
    const address = `${prefixes[0] ?? ''}${path.replaceAll(/\{\w+\}/g, 'x'.repeat(21))}`.replace(/^\/v1/, '');
    return this.send(method.toUpperCase(), address, operation.requestBody ? { language: 'python' } : undefined);
  }

  /** Sends a request, perhaps with half a body, reads nothing, and leaves after a while. */
  unread(method: string, path: string, ms: number, body = '', length = body.length): Promise<void> {
    const type = body ? `content-type: application/json\r\ncontent-length: ${length}\r\n` : '';
    return this.#hold(
      `${method} ${path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: ${this.#target.key}\r\n${type}\r\n${body}`,
      ms,
    );
  }

  /** Follows events and reads none. */
  events(path: string, body: object, ms: number): Promise<void> {
    const text = JSON.stringify(body);
    const head = `POST /v1${path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: ${this.#target.key}\r\naccept: text/event-stream\r\n`;
    return this.#hold(`${head}content-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`, ms);
  }

  /** Connects and says nothing. */
  idle(ms: number): Promise<void> {
    return this.#hold('', ms);
  }

  /** Ends what it has begun. */
  async cleanUp(): Promise<void> {
    const fresh = new AttackClient(this.#target, AbortSignal.timeout(60_000));
    // Its own rate may refuse it for a while: until then the answer tells so.
    const remove = async (id: string) => {
      while ((await fresh.send('DELETE', `/sessions/${id}`)).includes('Too many requests')) await sleep(200);
    };
    const left = [...this.#sessions.map((id) => () => remove(id)), ...this.#later.map((work) => () => work(fresh))];
    const one = async () => {
      for (let work = left.pop(); work; work = left.pop()) await work().catch(() => {});
    };
    await Promise.all([one(), one(), one(), one()]);
  }

  #hold(text: string, ms: number): Promise<void> {
    const { hostname, port } = new URL(this.#target.url);
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = connect(Number(port), hostname);
    const end = () => socket.destroy();
    const timer = setTimeout(end, ms);
    this.#signal.addEventListener('abort', end, { once: true });
    socket.on('error', () => {}).pause();
    if (text) socket.write(text);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#signal.removeEventListener('abort', end);
      resolve();
    });
    return promise;
  }
}
