import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeOptions } from '../scripts/launch/run.mjs';
import { type NativeClient, nativeClient } from '../test/support/native.ts';
import { startServer, type TestServer } from '../test/support/server.ts';
import { exec } from './latency.ts';
import { median, percentile, table } from './statistics.ts';

const rounds = 12;
const restMs = 150;
const loadedSessions = 60;
const loadingClients = 2;

const cells = [
  { name: 'Python', language: 'python', code: '1' },
  { name: 'JavaScript', language: 'javascript', code: '1' },
  { name: 'Bash', language: 'bash', code: ':' },
  {
    name: 'Python, pandas describe',
    language: 'python',
    code: 'import pandas\npandas.DataFrame({"a": [1]}).describe()',
  },
] as const;

/** The first cells of new sessions, in turns with another checkout where there is one, and second cells beside other load. */
export async function newSessions(here: string, other: string | undefined): Promise<void> {
  const servers: TestServer[] = [];
  try {
    for (const directory of other ? [other, here] : [here]) servers.push(await startFrom(directory));
    // Templates load in the background.
    await sleep(5000);
    await printFirstCells(servers);
    const { p50, p95 } = await secondCellOf(servers.at(-1)!);
    console.log('Second cell of a session beside other load, milliseconds');
    table(['p50', 'p95', 'ratio', 'aim'], [[p50, p95, p95 / p50, '<= 4']]);
  } finally {
    for (const server of servers) await server.stop();
  }
}

/** Milliseconds of the first two cells of new sessions, of each language, on servers in turn. */
export async function cellsOfNewSessions(servers: readonly TestServer[]) {
  const all = [];
  for (const { name, language, code } of cells) {
    const times = servers.map(() => ({ first: [] as number[], second: [] as number[] }));
    for (let round = 0; round < rounds; round++)
      for (const [at, server] of servers.entries()) {
        const { first, second } = await timeCells(nativeClient(server), language, code);
        times[at]!.first.push(first);
        times[at]!.second.push(second);
        // What the session took is made again in its own time.
        await sleep(restMs);
      }
    all.push({ name, times });
  }
  return all;
}

async function printFirstCells(servers: readonly TestServer[]): Promise<void> {
  const rows = [];
  for (const { name, times } of await cellsOfNewSessions(servers)) {
    const [theirs, ours] = times.length > 1 ? [times[0]!, times[1]!] : [undefined, times[0]!];
    const beside = (of: 'first' | 'second') =>
      theirs ? [median(theirs[of]), median(ours[of]) / median(theirs[of])] : ['', ''];
    rows.push([name, median(ours.first), ...beside('first'), median(ours.second), ...beside('second')]);
  }
  console.log('Cells of a new session through HTTP, its making included in the first, milliseconds (p50)');
  table(['cell', 'first', 'other', 'ratio', 'second', 'other', 'ratio'], rows);
}

/** A session is made, used twice and deleted. */
async function timeCells(api: NativeClient, language: string, code: string) {
  const started = performance.now();
  const id = await api.session();
  await api.cell(id, code, { language });
  const again = performance.now();
  await api.cell(id, code, { language });
  const ended = performance.now();
  await api.send('DELETE', `/sessions/${id}`);
  return { first: again - started, second: ended - again };
}

/** The second cell of Python sessions while two other clients run programs without pause. */
export async function secondCellOf(server: TestServer): Promise<{ p50: number; p95: number }> {
  const api = nativeClient(server);
  let isOver = false;
  const load = Array.from({ length: loadingClients }, async () => {
    while (!isOver) await exec(server, 'py', 'print(sum(range(10000)))');
  });
  const times: number[] = [];
  for (let session = 0; session < loadedSessions; session++)
    times.push((await timeCells(api, 'python', 'x = 1')).second);
  isOver = true;
  await Promise.all(load);
  return { p50: median(times), p95: percentile(times, 0.95) };
}

function startFrom(directory: string): Promise<TestServer> {
  return startServer({
    command: [process.execPath, ...nodeOptions, join(directory, 'src/main.ts'), 'serve'],
    env: { DRAGOMAN_RATE_LIMITS: 'off' },
  });
}
