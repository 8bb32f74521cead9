import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { legacyMcp } from '../support/mcp.ts';
import { type NativeClient, nativeClient } from '../support/native.ts';
import { OpenApi, type OpenApiObject } from '../support/openapi.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { attacking } from './attack.ts';

/**
 * The event loop stays responsive and the memory bounded, whatever is sent to a route, and whatever is asked of it and not
 * read. Measured inside the server, against an idle period of the same server on the same machine.
 */

const MiB = 1024 * 1024;
const unreadOfEach = 12;
const smallBytes = 16 * 1024;
const smallAtOnce = 8;
/** Of unread answers, the largest bodies (a multiple of 28 MB each), and garbage, whose collection waits on a busy machine. */
const allowedRss = 2048 * MiB;

interface Report {
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly rss: number;
}

let directory: string;
let server: TestServer;
let api: NativeClient;
let openapi: OpenApi;
let idle: Report;
const figure =
  'import os\nprint("é" * 1_000_000)\nclass Figure:\n' +
  '  def _repr_png_(self): return b"\\x89PNG\\r\\n\\x1a\\n" + os.urandom(5_000_000)\n';
/** A cell that shows as much as one may, once its figure is defined. */
const showLarge = 'for _ in range(4): display(Figure())';
/** Parameters by name: of the largest data that the service takes. */
const existing: Record<string, string> = {};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'dragoman-loop-'));
  server = await startServer({
    env: {
      DRAGOMAN_RATE_LIMITS: 'off',
      DRAGOMAN_OUTPUT_BYTES: '4m',
      NODE_OPTIONS: `--import ${fileURLToPath(new URL('../support/watch-loop.mjs', import.meta.url))}`,
      DRAGOMAN_TEST_LOOP_REPORT: join(directory, 'report.json'),
    },
  });
  api = nativeClient(server);
  openapi = new OpenApi((await (await fetch(`${server.url}/openapi.json`)).json()) as OpenApiObject);
  await (await fetch(`${server.url}/docs/js/scalar.js`)).arrayBuffer();
  await makeLargeData();
  await report();
  await sleep(3000);
  idle = await report();
}, 180_000);
afterAll(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function report(): Promise<Report> {
  const path = join(directory, 'report.json');
  rmSync(path, { force: true });
  process.kill(server.pid, 'SIGUSR2');
  await vi.waitFor(() => expect(existsSync(path)).toBe(true), { timeout: 60_000, interval: 20 });
  return JSON.parse(readFileSync(path, 'utf8'));
}

async function makeLargeData() {
  const session = await api.session({ name: 'large' });
  // Pictures are kept up to 8 MiB each and 30 MiB in a cell, as base64.
  await api.cell(session, figure + showLarge);
  const { id } = await api.cell(session, showLarge);
  await api.cell(session, 'for n in range(40): open(f"file-{n}.txt", "w").write("x" * 1000)');
  const file = 'open("large.bin", "wb").write(b"x" * 9_000_000)';
  const made = await api.cell(session, file);
  Object.assign(existing, { session_id: session, execution_id: id, path: 'large.bin', sid: session });
  Object.assign(existing, { fid: made.artifacts[0]!.id, container: `cntr_${session}` });
  const item = { role: 'user', content: 'é"'.repeat(250_000) };
  const conversation = await api.json<{ id: string }>('POST', '/conversations', { items: Array(8).fill(item) });
  const page = await api.json<{ first_id: string }>('GET', `/conversations/${conversation.id}/items?limit=1`);
  Object.assign(existing, { conversation_id: conversation.id, item_id: page.first_id });
}

const targetOf = (path: string) => path.replaceAll(/\{(\w+)\}/g, (_, name) => existing[name] ?? 'x'.repeat(21));

/** Sends a request and does not read the answer, but for its beginning. */
function unread(method: string, path: string, body?: Buffer, headers: Readonly<Record<string, string>> = {}): Socket {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.pause();
  const type = body ? `content-type: application/json\r\ncontent-length: ${body.length}\r\n` : '';
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    `${method} ${path} HTTP/1.1\r\nhost: ${hostname}\r\nx-api-key: ${server.key}\r\n${type}${more.join('')}\r\n`,
  );
  if (body) socket.write(body);
  return socket;
}

/**
 * Does something to the server and measures it meanwhile. Other work on the machine slows a loop down too, but not every time, so the best
 * of a few tries counts.
 */
async function expectResponsive(what: string, begin: () => Socket[], during: (sockets: Socket[]) => Promise<unknown>) {
  const allowedMs = Math.max(50, 20 * idle.p99Ms);
  let best: Report | undefined;
  for (let tries = 0; tries < 4 && !(best && best.p99Ms < allowedMs); tries++) {
    const sockets = begin();
    await during(sockets);
    const measured = await report();
    for (const socket of sockets) socket.destroy();
    if (!best || measured.p99Ms < best.p99Ms) best = measured;
    expect({ what, rss: measured.rss < allowedRss ? 'in bounds' : measured.rss }).toEqual({ what, rss: 'in bounds' });
  }
  const p99 = best!.p99Ms < allowedMs ? 'in bounds' : `${best!.p99Ms} of ${allowedMs} ms`;
  expect({ what, p99 }).toEqual({ what, p99: 'in bounds' });
}

const times = (count: number, make: () => Socket) => Array.from({ length: count }, make);
const forMs = (ms: number) => () => sleep(ms);

/** Until each has an answer or is refused, which a busy machine takes its time for. */
const untilAnswered = (sockets: Socket[]) =>
  Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((resolve) => {
          const late = setTimeout(resolve, 20_000);
          socket.once('close', resolve).once('readable', resolve);
          socket.once('close', () => clearTimeout(late)).once('readable', () => clearTimeout(late));
        }),
    ),
  );

/** Whether the answer of a route is so small that unread ones of several routes together are within every bound. One that does not end is not. */
async function isSmall(path: string): Promise<boolean> {
  const stop = new AbortController();
  const late = setTimeout(() => stop.abort(), 500);
  try {
    const answer = await fetch(`${server.url}${path}`, { headers: { 'x-api-key': server.key }, signal: stop.signal });
    let bytes = 0;
    for await (const piece of answer.body!) {
      bytes += piece.length;
      if (bytes > smallBytes) return false;
    }
    return true;
  } catch (error) {
    if (stop.signal.aborted) return false;
    throw error;
  } finally {
    clearTimeout(late);
    stop.abort();
  }
}

describe('the event loop', attacking('responsive'), () => {
  it('is free while the answers of any route are not read', { timeout: 300_000 }, async () => {
    const large: string[] = [];
    const small: string[] = [];
    for (const { path } of openapi.operations.filter(({ method }) => method === 'get'))
      ((await isSmall(targetOf(path))) ? small : large).push(path);
    expect(large).toContain('/sessions/{session_id}/notebook');
    const groups = [...large.map((path) => [path])];
    while (small.length > 0) groups.push(small.splice(0, smallAtOnce));
    for (const paths of groups) {
      const begin = () => paths.flatMap((path) => times(unreadOfEach, () => unread('GET', targetOf(path))));
      await expectResponsive(paths.join(' '), begin, forMs(700));
    }
  });

  it('is free while a page without a key is asked for and not read', { timeout: 60_000 }, async () => {
    const begin = () => times(150, () => unread('GET', '/docs/js/scalar.js'));
    await expectResponsive('a page', begin, forMs(2000));
  });

  it('is free while the largest bodies are read', { timeout: 300_000 }, async () => {
    const body = Buffer.from(JSON.stringify({ language: 'none', lang: 'none', code: 'é"'.repeat(7_000_000) }));
    for (const { method, path, operation } of openapi.operations) {
      if (!operation.requestBody?.content['application/json']) continue;
      const verb = method.toUpperCase();
      const atOnce = path === '/executions' ? 8 : 1;
      const begin = () => times(atOnce, () => unread(verb, targetOf(path), body));
      await expectResponsive(`${verb} ${path}`, begin, untilAnswered);
    }
  });

  it('is free while the largest answers of MCP are made and not read', { timeout: 180_000 }, async () => {
    const { session_id } = existing;
    const picture = 'open("large.png", "wb").write(b"\\x89PNG\\r\\n\\x1a\\n" + b"x" * 4_000_000)';
    await api.cell(session_id!, picture);
    const { headers } = await legacyMcp(server);
    const figures = 'for _ in range(4): display(Figure(1_000_000))';
    const figure =
      'import os\nclass Figure:\n  def __init__(self, n): self.n = n\n  def _repr_png_(self): return b"\\x89PNG\\r\\n\\x1a\\n" + os.urandom(self.n)\n';
    for (const [method, params, count] of [
      ['tools/call', { name: 'read_file', arguments: { path: 'large.png', session_id } }, unreadOfEach],
      ['resources/read', { uri: `dragoman://sessions/${session_id}/files/large.png` }, unreadOfEach],
      ['tools/call', { name: 'run_code', arguments: { code: figure + figures, session_id } }, 4],
    ] as const) {
      const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
      const stream = { ...headers, accept: 'application/json, text/event-stream' };
      const begin = () => times(count, () => unread('POST', '/mcp', body, stream));
      await expectResponsive(`MCP ${JSON.stringify(params).slice(0, 40)}`, begin, untilAnswered);
    }
    const wrote = (await legacyMcp(server)).call('write_file', {
      path: 'large.txt',
      text: 'é"'.repeat(5_000_000),
      session_id,
    });
    await expectResponsive(
      'MCP write_file',
      () => [],
      () => wrote,
    );
    expect((await wrote).isError).toBeUndefined();
  });

  it('answers after a key has left many large answers unread', { timeout: 90_000 }, async () => {
    // What ran before may be remembered in short by now, and fit the buffers of a socket.
    const { id } = await api.cell(await api.session({}), figure + showLarge);
    const path = `/executions/${id}`;
    const sockets = times(40, () => unread('GET', path));
    await expect.poll(async () => (await api.send('GET', path)).status, { timeout: 30_000 }).toBe(429);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await expect.poll(async () => (await api.send('GET', path)).status, { timeout: 30_000 }).toBe(200);
  });
});
