import { EventSourceParserStream } from 'eventsource-parser/stream';

/** What came back for one execution, as far as these tests look at it. */
export interface Ran {
  readonly id: string;
  readonly status: string;
  readonly outcome?: string;
  readonly stdout?: string;
  readonly state?: string;
  readonly restored?: { readonly behind: boolean; readonly lost: readonly { readonly name: string }[] } | null;
  readonly error?: { readonly name: string; readonly value: string } | null;
  readonly artifacts?: readonly { readonly path: string; readonly sha256: string }[];
}

export interface Told {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** An HTTP answer that was no success. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, body: string) {
    super(`${status}: ${body.slice(0, 500)}`);
    this.status = status;
    this.code = /"code":\s*"([a-z_]+)"/.exec(body)?.[1] ?? '';
  }
}

const deadlineMs = 60_000;

/** A client of the native API that speaks to one gateway. */
export class Caller {
  readonly #url: string;
  readonly #key: string;

  constructor(gateway: { readonly url: string }, key: string) {
    this.#url = gateway.url;
    this.#key = key;
  }

  run(code: string, sessionId?: string, more: object = {}): Promise<Ran> {
    const path = sessionId === undefined ? '/executions' : `/sessions/${sessionId}/executions`;
    return this.post(path, { language: 'python', code, ...more }) as Promise<Ran>;
  }

  async openSession(): Promise<string> {
    return ((await this.post('/sessions', {})) as { id: string }).id;
  }

  post(path: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
    return this.#send('POST', path, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
  }

  get(path: string): Promise<unknown> {
    return this.#send('GET', path);
  }

  delete(path: string): Promise<unknown> {
    return this.#send('DELETE', path);
  }

  /** Follows an execution from its start, or an earlier one from after an event, until its stream ends or breaks. */
  async *follow(path: string, init: RequestInit & { after?: string } = {}): AsyncIterable<Told> {
    const { after, ...rest } = init;
    const answer = await fetch(`${this.#url}/v1${path}`, {
      signal: AbortSignal.timeout(deadlineMs),
      ...rest,
      headers: {
        authorization: `Bearer ${this.#key}`,
        accept: 'text/event-stream',
        ...(rest.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(after === undefined ? {} : { 'last-event-id': after }),
      },
    });
    if (!answer.ok) throw new Refusal(answer.status, await answer.text());
    const events = answer.body!.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
    for await (const { id, event, data } of events)
      yield { id, type: event ?? 'message', data: data === '' ? {} : (JSON.parse(data) as Record<string, unknown>) };
  }

  async #send(method: string, path: string, body?: string, headers: Readonly<Record<string, string>> = {}) {
    const answer = await fetch(`${this.#url}/v1${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
      headers: { authorization: `Bearer ${this.#key}`, ...headers },
      signal: AbortSignal.timeout(deadlineMs),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Refusal(answer.status, text);
    return text === '' ? undefined : JSON.parse(text);
  }
}
