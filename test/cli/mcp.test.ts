import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client as NewClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as NewTransport } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { imageRoot } from '../support/image.ts';
import { launched } from '../support/launched.ts';
import { type McpResult, sessionIn, textOf } from '../support/mcp.ts';
import { nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** The bridge, as hosts start it: a program that is spoken to on its standard streams. */
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { DRAGOMAN_RATE_LIMITS: 'off' } });
});
afterAll(() => server?.stop());

const command = process.execPath;
const args = [fileURLToPath(new URL('../../src/main.ts', import.meta.url)), 'mcp'];
const environment = (more: Record<string, string> = {}): Record<string, string> => ({
  ...launched,
  DRAGOMAN_URL: server.url,
  DRAGOMAN_API_KEY: server.key,
  ...more,
});

/** A host that writes lines and reads lines. */
function host(env: Record<string, string>) {
  const child: ChildProcess = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  let errors = '';
  child.stdout!.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  const lines = () => said.split('\n').filter((line) => line !== '');
  // biome-ignore lint/suspicious/noExplicitAny: messages of any kind
  const messages = (): any[] => lines().map((line) => JSON.parse(line));
  return {
    child,
    messages,
    errors: () => errors,
    say: (message: object | string) =>
      child.stdin!.write(`${typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message })}\n`),
    /** The start of a service may be waited for, which a busy machine takes its time for. */
    answer: (id: number | string) =>
      vi.waitFor(
        () => {
          const found = messages().find((message) => message.id === id && !message.method);
          expect(found).toBeDefined();
          return found;
        },
        { timeout: 60_000, interval: 10 },
      ),
  };
}

const initialize = {
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
};
const run = (id: number | string, code: string, more: object = {}) => ({
  id,
  method: 'tools/call',
  params: { name: 'run_code', arguments: { code }, ...more },
});

describe.each([
  [
    '@modelcontextprotocol/sdk',
    async () => {
      const client = new Client({ name: 'test', version: '1' });
      await client.connect(new StdioClientTransport({ command, args, env: environment() }));
      return { client, before: [undefined] };
    },
  ],
  ...(['legacy', 'auto'] as const).map(
    (mode) =>
      [
        `@modelcontextprotocol/client, ${mode}`,
        async () => {
          const client = new NewClient({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
          await client.connect(new NewTransport({ command, args, env: environment() }));
          expect(client.getNegotiatedProtocolVersion()).toBe(mode === 'auto' ? '2026-07-28' : '2025-11-25');
          return { client, before: [] };
        },
      ] as const,
  ),
] as const)('%s', (_, open) => {
  it('lists, runs, goes on, hears of progress and cancels', async () => {
    const { client, before } = (await open()) as unknown as {
      client: {
        listTools(): Promise<{ tools: unknown[] }>;
        callTool(...params: unknown[]): Promise<McpResult>;
        close(): Promise<void>;
      };
      before: unknown[];
    };
    expect((await client.listTools()).tools).toHaveLength(8);
    const first = await client.callTool({
      name: 'run_code',
      arguments: { code: 'x = 41\nopen("a.txt", "w").close()' },
    });
    expect(first.content.map(({ type }) => type)).toEqual(['text', 'resource_link']);
    const session_id = sessionIn(first);
    const seen: string[] = [];
    const slow = 'import time\nfor i in range(100):\n    print("step", i, flush=True)\n    time.sleep(0.1)';
    const controller = new AbortController();
    const cancelled = client.callTool({ name: 'run_code', arguments: { code: slow, session_id } }, ...before, {
      signal: controller.signal,
      onprogress: ({ message }: { message: string }) => {
        seen.push(message);
        controller.abort();
      },
    });
    await expect(cancelled).rejects.toThrow();
    expect(seen[0]).toMatch(/^step \d+$/);
    const next = await client.callTool({ name: 'run_code', arguments: { code: 'print(x + 1)', session_id } });
    expect(textOf(next)).toMatch(/^42\n/);
    await client.close();
  });
});

it('says nothing but messages, and leaves with its host, whose run it cancels', async () => {
  const session = await nativeClient(server).session();
  const busy = async () => (await nativeClient(server).json<{ busy: boolean }>('GET', `/sessions/${session}`)).busy;
  const { child, say, answer, messages } = host(environment());
  say(initialize);
  say({ method: 'notifications/initialized' });
  for (const line of ['no message', '[]', '[{"jsonrpc":"2.0","id":5,"method":"ping"}]', '"text"', '{}']) say(line);
  await answer(0);
  say(run(1, 'print(6 * 7)'));
  expect(textOf((await answer(1)).result)).toMatch(/^42\n/);
  say(
    run(2, 'import time\ntime.sleep(60)', { arguments: { code: 'import time\ntime.sleep(60)', session_id: session } }),
  );
  await eventually(async () => expect(await busy()).toBe(true));
  const left = once(child, 'exit');
  child.stdin!.end();
  expect((await left)[0]).toBe(0);
  await eventually(async () => expect(await busy()).toBe(false));
  expect(messages().every(({ jsonrpc }) => jsonrpc === '2.0')).toBe(true);
  expect(messages().filter(({ id }) => id === null)).toMatchObject(
    [-32700, -32600, -32600, -32600, -32600].map((code) => ({ error: { code } })),
  );
  expect(messages().filter(({ id }) => id === 2)).toEqual([]);
});

it('has no answer to a cancelled call', async () => {
  const { say, answer, messages } = host(environment());
  say(initialize);
  await answer(0);
  say(run('a', 'import time\nprint("on", flush=True)\ntime.sleep(60)', { _meta: { progressToken: 1 } }));
  await eventually(() => expect(messages().some(({ method }) => method === 'notifications/progress')).toBe(true));
  say({ method: 'notifications/cancelled', params: { requestId: 'a' } });
  say(run('b', 'print("free")'));
  expect(textOf((await answer('b')).result)).toMatch(/^free\n/);
  expect(messages().filter(({ id }) => id === 'a')).toEqual([]);
});

describe('without a service', () => {
  it.each([
    [
      'an address where nothing answers',
      () => ({ DRAGOMAN_URL: 'http://127.0.0.1:9' }),
      'does not answer at http://127.0.0.1:9',
    ],
    ['a key that is not accepted', () => ({ DRAGOMAN_API_KEY: 'wrong' }), 'does not accept the key'],
  ])('%s: the host starts all the same, and each call says why', async (_, env, sentence) => {
    const { say, answer, errors } = host(environment(env()));
    say(initialize);
    expect((await answer(0)).result).toMatchObject({ protocolVersion: '2025-06-18', serverInfo: { name: 'dragoman' } });
    say({ id: 1, method: 'tools/list' });
    expect((await answer(1)).result.tools).toHaveLength(8);
    say(run(2, 'print(1)'));
    const { result } = await answer(2);
    expect([result.isError, textOf(result)]).toEqual([true, expect.stringContaining(sentence)]);
    say({ id: 3, method: 'resources/list' });
    expect((await answer(3)).error.message).toContain(sentence);
    expect(errors()).toContain(sentence);
  });

  it('starts one on this machine, several bridges share it, and it ends with the bridge that started it', {
    timeout: 120_000,
  }, async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'dragoman-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 500 }));
    const port = String(await freePort());
    const env = { ...launched, DRAGOMAN_PORT: port, DRAGOMAN_DATA_DIR: dataDir, DRAGOMAN_IMAGE: await imageRoot() };
    const [one, other] = [host(env), host(env)];
    for (const { say } of [one, other]) {
      say(initialize);
      say(run(1, 'print(6 * 7)'));
    }
    for (const { answer } of [one, other]) expect(textOf((await answer(1)).result)).toMatch(/^42\n/);
    const answers = () =>
      fetch(`http://127.0.0.1:${port}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
    expect(await answers()).toBe(true);
    const left = [one, other].map(({ child }) => once(child, 'exit'));
    for (const { child } of [one, other]) child.stdin!.end();
    expect((await Promise.all(left)).map(([code]) => code)).toEqual([0, 0]);
    await eventually(async () => expect(await answers()).toBe(false));
  });
});

it('joins a service that comes up later, and one that comes back', { timeout: 120_000 }, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'dragoman-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 500 }));
  const port = String(await freePort());
  const start = () =>
    startServer({ dataDir, env: { DRAGOMAN_PORT: port, DRAGOMAN_API_KEYS: 'one:secret-0123456789' } });
  const { say, answer } = host(
    environment({ DRAGOMAN_URL: `http://127.0.0.1:${port}`, DRAGOMAN_API_KEY: 'secret-0123456789' }),
  );
  say(initialize);
  await answer(0);
  for (const turn of [1, 2]) {
    const service = await start();
    say(run(turn, 'import os\nprint(sorted(os.listdir()))\nopen("a.txt", "w").close()'));
    // The same MCP session leads to the same files.
    expect(textOf((await answer(turn)).result)).toMatch(turn === 1 ? /^\[\]\n/ : /^\['a\.txt'\]\n/);
    await service.stop();
  }
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
