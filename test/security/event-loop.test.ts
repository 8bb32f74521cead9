import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
/** Of all unread answers, the largest bodies under way, and what the collector of garbage has not taken yet. */
const allowedRss = 900 * MiB;

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
  await expect.poll(() => existsSync(path), { timeout: 60_000, interval: 20 }).toBe(true);
  return JSON.parse(readFileSync(path, 'utf8'));
}

async function makeLargeData() {
  const session = await api.session({ name: 'large' });
  const figure = 'print("é" * 1_000_000)\nclass Figure:\n  def _repr_html_(self): return "x" * 7_000_000\n';
  const shown = 'for _ in range(4): display(Figure())';
  const { id } = await api.cell(session, figure + shown);
  for (let n = 0; n < 2; n++) await api.cell(session, shown);
  await api.cell(session, 'for n in range(40): open(f"file-{n}.txt", "w").write("x" * 1000)');
  const file = 'open("large.bin", "wb").write(b"x" * 9_000_000)';
  const made = await api.cell(session, file);
  Object.assign(existing, { session_id: session, execution_id: id, path: 'large.bin', sid: session });
  Object.assign(existing, { fid: made.artifacts[0]!.id, container: `cntr_${session}` });
  const item = { role: 'user', content: 'é'.repeat(1_000_000) };
  const conversation = await api.json<{ id: string }>('POST', '/conversations', { items: [item, item] });
  Object.assign(existing, { conversation_id: conversation.id });
}

const targetOf = (path: string) => path.replaceAll(/\{(\w+)\}/g, (_, name) => existing[name] ?? 'x'.repeat(21));

/** Sends a request and does not read the answer. */
function unread(method: string, path: string, body?: Buffer): Socket {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.pause();
  const type = body ? `content-type: application/json\r\ncontent-length: ${body.length}\r\n` : '';
  socket.write(`${method} ${path} HTTP/1.1\r\nhost: ${hostname}\r\nx-api-key: ${server.key}\r\n${type}\r\n`);
  if (body) socket.write(body);
  return socket;
}

function expectResponsive({ p99Ms, rss }: Report, what: string) {
  const allowedMs = Math.max(50, 10 * idle.p99Ms);
  expect({ what, p99: p99Ms < allowedMs ? 'in bounds' : `${p99Ms} of ${allowedMs} ms` }).toEqual({
    what,
    p99: 'in bounds',
  });
  expect({ what, rss: rss < allowedRss ? 'in bounds' : rss }).toEqual({ what, rss: 'in bounds' });
}

describe('the event loop', attacking('responsive'), () => {
  it('is free while the answers of any route are not read', { timeout: 300_000 }, async () => {
    for (const { method, path } of openapi.operations.filter((each) => each.method === 'get')) {
      const sockets = Array.from({ length: unreadOfEach }, () => unread(method.toUpperCase(), targetOf(path)));
      await sleep(700);
      const measured = await report();
      for (const socket of sockets) socket.destroy();
      expectResponsive(measured, path);
    }
  });

  it('is free while a page without a key is asked for and not read', { timeout: 60_000 }, async () => {
    const sockets = Array.from({ length: 150 }, () => unread('GET', '/docs/js/scalar.js'));
    await sleep(2000);
    const measured = await report();
    for (const socket of sockets) socket.destroy();
    expectResponsive(measured, '/docs/js/scalar.js');
  });

  it('is free while the largest bodies are read', { timeout: 300_000 }, async () => {
    const body = Buffer.from(JSON.stringify({ language: 'none', lang: 'none', code: 'é"'.repeat(7_000_000) }));
    for (const { method, path, operation } of openapi.operations) {
      if (!operation.requestBody?.content['application/json']) continue;
      const sockets = [1, 2].map(() => unread(method.toUpperCase(), targetOf(path), body));
      await sleep(1500);
      const measured = await report();
      for (const socket of sockets) socket.destroy();
      expectResponsive(measured, `${method} ${path}`);
    }
  });

  it('serves one key while another reads nothing', { timeout: 60_000 }, async () => {
    const path = targetOf('/executions/{execution_id}');
    const sockets = Array.from({ length: 40 }, () => unread('GET', path));
    await expect.poll(async () => (await api.send('GET', path)).status, { timeout: 30_000 }).toBe(429);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await expect.poll(async () => (await api.send('GET', path)).status, { timeout: 30_000 }).toBe(200);
  });
});
