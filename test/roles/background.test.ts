import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { model } from '../support/modelled-server.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type ScriptedUpstream, startUpstream } from '../support/upstream.ts';

/** A background response survives `kill -9` and a stop in order, on a real server over a scripted model. */

let upstream: ScriptedUpstream;
let server: TestServer;
let receiver: Server;
/** What webhooks have said, by the response they tell of. */
const told = new Map<string, string>();
const dataDir = mkdtempSync(join(tmpdir(), 'dragoman-background-'));
const key = 'sk-background-0123456789abcdef';
const webhookSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

async function start(): Promise<void> {
  server = await startServer({
    dataDir,
    env: {
      DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
      DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
      DRAGOMAN_UPSTREAM_MODEL: model,
      DRAGOMAN_API_KEYS: `ann:${key}`,
      DRAGOMAN_WEBHOOK_URL: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
      DRAGOMAN_WEBHOOK_SECRET: webhookSecret,
      DRAGOMAN_WEBHOOK_PRIVATE: 'true',
    },
  });
}

beforeAll(async () => {
  upstream = await startUpstream();
  const { webhooks } = new OpenAI({ apiKey: 'x', webhookSecret });
  receiver = createServer(async (request, reply) => {
    const headers = request.headers as Record<string, string>;
    const event = await webhooks.unwrap(await text(request), headers);
    if ('id' in event.data) told.set(event.data.id, event.type);
    reply.end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  await start();
});
beforeEach(() => upstream.reset());
afterAll(async () => {
  await server?.stop();
  await upstream?.close();
  receiver?.close();
  rmSync(dataDir, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: tests know what they look for
type Json = any;

async function call(method: string, path: string, body?: object): Promise<Json> {
  const response = await fetch(`${server.url}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return response.json();
}

/** Events behind a number, to the end or until one of this type. */
async function events(id: string, after: number, until?: string): Promise<Json[]> {
  const abort = new AbortController();
  const { body } = await fetch(`${server.url}/v1/responses/${id}?stream=true`, {
    headers: { authorization: `Bearer ${key}`, 'last-event-id': String(Math.max(after, 0)) },
    signal: AbortSignal.any([abort.signal, AbortSignal.timeout(60_000)]),
  });
  const seen: Json[] = [];
  let unread = '';
  for await (const piece of body!.pipeThrough(new TextDecoderStream())) {
    unread += piece;
    for (let end = unread.indexOf('\n\n'); end >= 0; end = unread.indexOf('\n\n')) {
      const data = /^data: (.*)$/m.exec(unread.slice(0, end))?.[1];
      unread = unread.slice(end + 2);
      if (data !== undefined) seen.push(JSON.parse(data));
      if (until !== undefined && seen.at(-1)?.type === until) {
        abort.abort();
        return seen;
      }
    }
  }
  return seen;
}

const begin = (input: string) =>
  call('POST', '/responses', {
    input,
    background: true,
    tools: [{ type: 'code_interpreter', container: { type: 'auto' } }],
    include: ['code_interpreter_call.outputs'],
  });
const whole = (id: string) => call('GET', `/responses/${id}?include[]=code_interpreter_call.outputs`);
const interpreting = 'response.code_interpreter_call.interpreting';
const slow = 'open("ran.txt", "a").write("x")\nprint("begun", flush=True)\nimport time\ntime.sleep(30)';

it('after kill -9 while its code runs: the model is told, the code is not run again, and the stream goes on', async () => {
  upstream.say(
    [{ text: 'Let me see. ' }, { python: slow }],
    [{ python: 'import os\nprint(os.path.exists("ran.txt"))' }],
    [{ text: 'Done.' }],
  );
  const { id, status } = await begin('Run something long.');
  expect(status).toBe('queued');
  const before = await events(id, 0, interpreting);
  await server.kill();
  await start();
  const after = await events(id, before.at(-1).sequence_number);
  expect([...before, ...after].map(({ sequence_number }) => sequence_number)).toEqual(
    Array.from({ length: before.length + after.length }, (_, n) => n + 1),
  );
  expect(after.at(-1).type).toBe('response.completed');
  const { output } = await whole(id);
  expect(output).toMatchObject([
    { type: 'message', status: 'completed' },
    {
      type: 'code_interpreter_call',
      status: 'incomplete',
      outputs: [{ logs: expect.stringContaining('not run again') }],
    },
    // The files of a session are those of its last finished cell.
    { type: 'code_interpreter_call', status: 'completed', outputs: [{ logs: 'False\n' }] },
    { type: 'message', content: [{ text: 'Done.' }] },
  ]);
  expect(upstream.requests).toHaveLength(3);
  await expect.poll(() => told.get(id)).toBe('response.completed');
});

it('after kill -9 in the middle of what its model says: the model is asked again', async () => {
  upstream.say([{ text: ['One, ', 'two'] }, { until: new Promise(() => {}) }]);
  const { id } = await begin('Count.');
  const before = await events(id, 0, 'response.output_text.delta');
  await server.kill();
  upstream.say([{ text: 'One, two, three.' }]);
  await start();
  const after = await events(id, before.at(-1).sequence_number);
  expect(after[0].sequence_number).toBe(before.at(-1).sequence_number + 1);
  const { output, status } = await whole(id);
  expect(status).toBe('completed');
  expect(output.map(({ status }: Json) => status)).toEqual(['incomplete', 'completed']);
  expect(output[1].content[0].text).toBe('One, two, three.');
});

it('after a stop in order, with what its code came to', async () => {
  // The first code of a server takes longer than a stop waits.
  upstream.say([{ python: '1' }], [{ text: 'Ready.' }]);
  await events((await begin('Get ready.')).id, 0);
  upstream.say([{ python: 'import time\ntime.sleep(0.5)\nprint(6 * 7)' }], [{ text: 'It is 42.' }]);
  const { id } = await begin('What is it?');
  await events(id, 0, interpreting);
  await server.stop();
  await start();
  await events(id, 0);
  const { output, status } = await whole(id);
  expect(status).toBe('completed');
  // A machine that is too busy cuts the code short; what it came to is known all the same.
  expect(output).toMatchObject([
    { type: 'code_interpreter_call', status: 'completed', outputs: [{ logs: expect.stringMatching(/^42|cancelled/) }] },
    { type: 'message', content: [{ text: 'It is 42.' }] },
  ]);
});
