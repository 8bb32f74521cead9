import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer, type TestServer } from '../test/support/server.ts';
import { median, percentile, table } from './statistics.ts';

/**
 * Compares this checkout with another one: `npx node bench/versions.ts <directory>`. Both servers run at once, requests go to them in turn,
 * and the server's processor time is its process's own, without sandboxes.
 */

const rounds = 15;
const requests = 20;
const ticksPerSecond = 100;

interface Measured {
  readonly latencies: number[];
  /** Processor time of the server for one request, by round. */
  readonly cpu: number[];
}

type Request = (index: number) => Promise<void>;

const here = fileURLToPath(new URL('..', import.meta.url));
const other = process.argv[2];
if (!other) {
  console.log('usage: npx node bench/versions.ts <directory of another checkout>');
  process.exit(2);
}

const servers: TestServer[] = [];
for (const directory of [other, here]) {
  const command = [process.execPath, join(directory, 'src/main.ts'), 'serve'] as const;
  servers.push(await startServer({ command: [...command], env: { DRAGOMAN_RATE_LIMITS: 'off' } }));
}
try {
  // The data template loads in the background.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const kinds: [string, (server: TestServer) => Promise<Request>][] = [
    ['/exec, print', async (server) => () => post(server, '/exec', { lang: 'py', code: 'print(1)' })],
    [
      '/exec, print and one file',
      async (server) => () => post(server, '/exec', { lang: 'py', code: 'open("a.txt", "w").write("a"); print(1)' }),
    ],
    ['session cell, print', async (server) => cellsOf(server, () => 'print(1)')],
    ['session cell, one file', async (server) => cellsOf(server, (index) => `open("a.txt", "w").write("${index}")`)],
  ];
  const rows = [];
  for (const [name, prepare] of kinds) {
    const runs = await Promise.all(servers.map(prepare));
    const measured = servers.map((): Measured => ({ latencies: [], cpu: [] }));
    for (const run of runs) for (let index = 0; index < requests; index++) await run(index);
    for (let round = 0; round < rounds; round++)
      for (const [at, run] of runs.entries()) {
        const { latencies, cpu } = measured[at]!;
        const before = cpuMs(servers[at]!.pid);
        for (let index = 0; index < requests; index++) {
          const started = performance.now();
          await run(round * requests + index);
          latencies.push(performance.now() - started);
        }
        cpu.push((cpuMs(servers[at]!.pid) - before) / requests);
      }
    const [a, b] = measured as [Measured, Measured];
    const p50 = [a, b].map(({ latencies }) => median(latencies));
    const p95 = [a, b].map(({ latencies }) => percentile(latencies, 0.95));
    const cpu = [a, b].map((each) => median(each.cpu));
    rows.push([name, p50[0]!, p50[1]!, p50[1]! / p50[0]!, p95[0]!, p95[1]!, cpu[0]!, cpu[1]!, cpu[1]! / cpu[0]!]);
  }
  table(
    ['milliseconds', 'p50 other', 'p50 here', 'ratio', 'p95 other', 'p95 here', 'cpu other', 'cpu here', 'ratio'],
    rows,
  );
} finally {
  for (const server of servers) await server.stop();
}

async function cellsOf(server: TestServer, code: (index: number) => string): Promise<Request> {
  const { id } = await json<{ id: string }>(server, '/v1/sessions', {});
  const run: Request = async (index) =>
    post(server, `/v1/sessions/${id}/executions`, { language: 'python', code: code(index) });
  return run;
}

async function post(server: TestServer, path: string, body: object): Promise<void> {
  await json(server, path, body);
}

async function json<T>({ url, key }: TestServer, path: string, body: object): Promise<T> {
  const headers = { 'content-type': 'application/json', 'x-api-key': key };
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** Processor time of a process so far, all its threads. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}
