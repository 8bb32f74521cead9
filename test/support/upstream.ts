import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { anthropic } from './upstream/anthropic.ts';
import { chat } from './upstream/chat.ts';
import { google } from './upstream/google.ts';
import { responses } from './upstream/responses.ts';
import { type Block, blockOf, type Finish, type Step, type Tokens, type Turn } from './upstream/script.ts';
import type { Wire } from './upstream/wire.ts';

export type { Step } from './upstream/script.ts';

/** A request a model provider got. */
interface UpstreamRequest {
  readonly protocol: Wire['protocol'];
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the wire has; tests know what they look for
  readonly body: any;
  /** Settles when the client left before the answer was complete; never otherwise. */
  readonly abandoned: Promise<void>;
  /** By `performance.now()`, as the next two: when the whole request was there. */
  readonly arrivedAt: number;
  /** When the first bytes of what the model says were handed to the socket; undefined before. */
  firstTokenAt: number | undefined;
  /** When the last bytes were. */
  endedAt: number | undefined;
}

/** A turn, or what makes it from the request. */
export type Scripted = Turn | ((request: UpstreamRequest) => Turn | Promise<Turn>);

/**
 * A model provider on loopback that does what it is told: a real HTTP server that speaks Chat Completions
 * (`POST /v1/chat/completions`), Responses (`POST /v1/responses`), Anthropic Messages (`POST /v1/messages`) and Google's
 * generateContent (`POST /v1/models/…:generateContent`), streamed and not, and lists its models (`GET /v1/models`).
 *
 * ```ts
 * const upstream = await startUpstream();
 * upstream.say([{ python: 'print(6 * 7)' }], [{ text: ['The answer ', 'is 42.'] }]);
 * // DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible', DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl
 * expect(upstream.requests[1].body.messages.at(-1).content).toContain('42');
 * await upstream.close();
 * ```
 */
export interface ScriptedUpstream {
  /** With `/v1`, as SDKs want it. */
  readonly baseUrl: string;
  /** Every request that got or waits for a turn, in order of arrival. */
  readonly requests: readonly UpstreamRequest[];
  /** Adds turns: each answers one request, in order. With none left a request is answered 500. */
  say(...turns: Scripted[]): void;
  /** Answers every request from now on for which no turn is left. */
  always(turn: Scripted): void;
  /** Forgets turns and requests, for the next test. */
  reset(): void;
  close(): Promise<void>;
}

const wires: Readonly<Record<string, Wire>> = {
  '/v1/chat/completions': chat,
  '/v1/responses': responses,
  '/v1/messages': anthropic,
};

/** How Google says in the address what others say in the body. */
const googlePath = /^\/v1\/models\/(?<model>[^/:]+):(?<kind>streamGenerateContent|generateContent)$/;

/** Starts a scripted provider on a free loopback port. `models` is what it lists. */
export async function startUpstream(options: { models?: readonly string[] } = {}): Promise<ScriptedUpstream> {
  const models = options.models ?? ['scripted-model'];
  const requests: UpstreamRequest[] = [];
  let turns: Scripted[] = [];
  let fallback: Scripted | undefined;
  const server: Server = createServer((message, reply) => {
    const path = message.url!.split('?')[0]!;
    const wire = googlePath.test(path) ? google : wires[path];
    if (path === '/v1/models') return json(reply, 200, listing(models));
    if (!wire || message.method !== 'POST') return json(reply, 404, { error: { message: `no ${path} here` } });
    answer(wire, path, message, reply).catch(() => reply.destroy());
  });

  async function answer(wire: Wire, path: string, message: IncomingMessage, reply: ServerResponse): Promise<void> {
    const body = JSON.parse(await text(message));
    const { model = body.model, kind } = googlePath.exec(path)?.groups ?? {};
    const gone = Promise.withResolvers<void>();
    reply.on('close', () => {
      if (!reply.writableFinished) gone.resolve();
    });
    const { headers } = message;
    const request: UpstreamRequest = {
      protocol: wire.protocol,
      path,
      headers,
      body,
      abandoned: gone.promise,
      arrivedAt: performance.now(),
      firstTokenAt: undefined,
      endedAt: undefined,
    };
    requests.push(request);
    const scripted = turns.shift() ?? fallback ?? { status: 500, body: wire.problem(500, 'The script is over.') };
    const turn = typeof scripted === 'function' ? await scripted(request) : scripted;
    if ('status' in turn) {
      for (const [name, value] of Object.entries(turn.headers ?? {})) reply.setHeader(name, value);
      return json(reply, turn.status, turn.body ?? wire.problem(turn.status, `The provider answers ${turn.status}.`));
    }
    const play = body.stream === true || kind === 'streamGenerateContent' ? stream : whole;
    await play(wire, model, request, turn, reply, gone.promise);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    say: (...more) => void turns.push(...more),
    always: (turn) => {
      fallback = turn;
    },
    reset() {
      turns = [];
      fallback = undefined;
      requests.length = 0;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Play = (
  wire: Wire,
  model: string,
  request: UpstreamRequest,
  turn: readonly Step[],
  reply: ServerResponse,
  gone: Promise<void>,
) => Promise<void>;

const stream: Play = async (wire, model, request, turn, reply, gone) => {
  const writer = wire.writer(model);
  reply.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  reply.socket?.setNoDelay(true);
  reply.flushHeaders();
  const end = new Ending();
  let begun = false;
  for (const step of turn) {
    const paused = await pause(step, gone);
    if (paused === 'gone') return;
    if ('drop' in step) return void reply.destroy();
    if (paused) continue;
    if (!begun) reply.write(writer.begin());
    begun = true;
    if ('raw' in step) reply.write(step.raw);
    const block = blockOf(step, end.newId);
    end.take(step, block);
    for (const bytes of block ? writer.block(block) : []) {
      request.firstTokenAt ??= performance.now();
      reply.write(bytes);
      // Every delta is a packet of its own, as from a model that thinks between tokens.
      await new Promise((resolve) => setImmediate(resolve));
      if (reply.destroyed) return;
    }
  }
  request.endedAt = performance.now();
  reply.end((begun ? '' : writer.begin()) + writer.end(end.finish, end.usage));
};

const whole: Play = async (wire, model, request, turn, reply, gone) => {
  const end = new Ending();
  const blocks: Block[] = [];
  for (const step of turn) {
    if ((await pause(step, gone)) === 'gone') return;
    if ('drop' in step) return void reply.destroy();
    const block = blockOf(step, end.newId);
    end.take(step, block);
    if (block) blocks.push(block);
  }
  request.firstTokenAt = request.endedAt = performance.now();
  json(reply, 200, wire.whole(model, blocks, end.finish, end.usage));
};

/** Waits when the step says so. */
async function pause(step: Step, gone: Promise<void>): Promise<boolean | 'gone'> {
  const left = gone.then(() => 'gone' as const);
  if ('wait' in step) return Promise.race([sleep(step.wait, true), left]);
  if ('until' in step) return Promise.race([step.until.then(() => true), left]);
  return false;
}

let calls = 0;

/** How an answer ends, as its steps say. */
class Ending {
  usage: Tokens = { input: 10, output: 5 };
  #finish: Finish | undefined;
  #called = false;

  readonly newId = (): string => `call_scripted${++calls}`;

  get finish(): Finish {
    return this.#finish ?? (this.#called ? 'tool_calls' : 'stop');
  }

  take(step: Step, block: Block | undefined): void {
    if ('finish' in step) this.#finish = step.finish;
    if ('usage' in step) this.usage = step.usage;
    if (block?.type === 'call') this.#called = true;
  }
}

function listing(models: readonly string[]): object {
  const data = models.map((id) => ({ id, object: 'model', created: 1_700_000_000, owned_by: 'script' }));
  return { object: 'list', data };
}

function json(reply: ServerResponse, status: number, body: unknown): void {
  reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function text(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
