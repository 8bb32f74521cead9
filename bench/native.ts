import { setTimeout as sleep } from 'node:timers/promises';
import { eventsOf } from '../test/support/events.ts';
import { type NativeClient, nativeClient } from '../test/support/native.ts';
import { descendants } from '../test/support/processes.ts';
import type { TestServer } from '../test/support/server.ts';
import { pageTables, pss, sandboxes } from './sandboxes.ts';
import { median, percentile, table } from './statistics.ts';

const cells = 100;
const flushes = 100;
const interrupts = 20;
const warmUp = 10;
/** What was parked is made and warmed again. */
const settleMs = 3000;
const MiB = 1024 * 1024;

/** Live sessions as a client of the native API sees them, client included. */
export async function liveSessions(server: TestServer): Promise<void> {
  const api = nativeClient(server);
  const rows = [
    ['next cell, x = 1: over its own time', await cellOverHttp(api, 'x = 1'), 3],
    ['next cell, pandas describe: over its own time', await cellOverHttp(api, 'frame.describe()'), 3],
    ['streamed text after the program’s flush', await streamDelay(api), 5],
    ['endless loop after POST …/interrupt', await interruptDelay(api), 100],
  ] as const;
  console.log('Live Python sessions through HTTP, milliseconds');
  table(
    ['what', 'p50', 'p95', 'promised'],
    rows.map(([what, times, promised]) => [what, median(times), percentile(times, 0.95), `<= ${promised}`]),
  );
}

async function cellOverHttp(api: NativeClient, code: string): Promise<number[]> {
  const id = await api.session();
  await api.cell(id, 'import pandas as pd, time\nframe = pd.DataFrame({"a": range(100)})');
  const timed = `_t = time.perf_counter()\n${code}\nprint((time.perf_counter() - _t) * 1000)`;
  const overheads: number[] = [];
  for (let cell = 0; cell < cells; cell++) {
    const started = performance.now();
    const { stdout } = await api.cell(id, timed);
    overheads.push(performance.now() - started - Number(stdout));
  }
  return overheads;
}

/** Both sides read the machine's monotonic clock. */
async function streamDelay(api: NativeClient): Promise<number[]> {
  const id = await api.session();
  const code = `import time
for _ in range(${flushes}):
    time.sleep(0.02)
    print(time.monotonic_ns(), flush=True)`;
  const delays: number[] = [];
  for await (const { event, data } of eventsOf(await api.stream(id, code))) {
    const now = process.hrtime.bigint();
    if (event === 'stdout') delays.push(Number(now - BigInt(data.text.trim().split('\n')[0])) / 1e6);
  }
  return delays;
}

async function interruptDelay(api: NativeClient): Promise<number[]> {
  const id = await api.session();
  const delays: number[] = [];
  for (let round = 0; round < interrupts; round++) {
    let sent = 0;
    for await (const { event } of eventsOf(await api.stream(id, 'print("runs", flush=True)\nwhile True: pass'))) {
      if (event === 'stdout') {
        // Well into the loop.
        await sleep(50);
        sent = performance.now();
        await api.json('POST', `/sessions/${id}/interrupt`);
      }
      if (event === 'done') delays.push(performance.now() - sent);
    }
  }
  return delays;
}

/**
 * Idle sessions that have pandas loaded and hold a frame: what each takes of the machine's memory, the service's share
 * included, and whether each still answers. `SESSIONS=500` for the number of the promise.
 */
export async function density(server: TestServer): Promise<void> {
  const { count, sizes, all, answers } = await densityOf(server);
  console.log(`${count} idle Python sessions with pandas`);
  table(
    ['what', 'figure', 'promised'],
    [
      ['memory of one, MiB (PSS, median)', median(sizes) / MiB, '<= 16'],
      ['all of them, with page tables and the service’s growth, MiB', all / MiB, ''],
      ['the same for 1000, GiB', (all / count) * (1000 / 1024 / MiB), '<= 7.5'],
      ['each asked again, ms (p50)', median(answers), ''],
      ['each asked again, ms (p95)', percentile(answers, 0.95), ''],
    ],
  );
}

/**
 * Bytes of each session by its own share of what it shares with zygotes; of all by what every process and its page tables take more than
 * before; and the milliseconds in which each answered again.
 */
export async function densityOf(server: TestServer) {
  const count = Number(process.env.SESSIONS ?? 20);
  const api = nativeClient(server);
  const open = async (n: number) => {
    const id = await api.session();
    await api.cell(id, `import pandas as pd\nframe = pd.DataFrame({"a": range(100)})\nmine = ${n}\nframe.describe()`);
    return id;
  };
  // The service has grown to its usual size before the first one counts.
  for (let n = 0; n < warmUp; n++) await open(n);
  const used = () => {
    const pids = [server.pid, ...descendants(server.pid).map(({ pid }) => pid)];
    return pss(pids) + pageTables(pids);
  };
  await sleep(settleMs);
  const before = { sandboxes: sandboxes(server.pid), used: used() };
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await open(n));
  const mine = [...sandboxes(server.pid)]
    .filter(([namespace]) => !before.sandboxes.has(namespace))
    .map(([, pids]) => pids);
  const sizes = mine.map(pss);
  await sleep(settleMs);
  const all = used() - before.used;
  const answers: number[] = [];
  for (const [n, id] of ids.entries()) {
    const started = performance.now();
    const { results, state } = await api.cell(id, 'mine + len(frame)');
    if (state !== 'continued' || results[0]?.['text/plain'] !== String(n + 100))
      throw new Error(`session ${n}: ${state}`);
    answers.push(performance.now() - started);
  }
  // At the service's end, their variables would be saved.
  for (const id of ids) await api.send('DELETE', `/sessions/${id}`);
  return { count, sizes, all, answers };
}
