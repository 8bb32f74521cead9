import { readdirSync, statSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../src/config/index.ts';
import type { Sandbox } from '../src/sandbox/index.ts';
import { startEngine, type TestEngine, testLimits } from '../test/support/engine.ts';
import { imageRoot } from '../test/support/image.ts';
import { nativeClient } from '../test/support/native.ts';
import { descendants } from '../test/support/processes.ts';
import { startServer, type TestServer } from '../test/support/server.ts';
import { openBare } from './bare.ts';
import { exec } from './latency.ts';
import { programs } from './programs.ts';
import { pss } from './sandboxes.ts';
import { median, percentile, table } from './statistics.ts';

const MiB = 1024 * 1024;
/** Each of our runs has a bare one after it. `refillMs`: a client of its own needs a parked sandbox, which takes so long to be made. */
const measured = [
  { tier: 'namespaces', rounds: 20, refillMs: 150, sandboxes: 10 },
  { tier: 'gvisor', rounds: 15, refillMs: 900, sandboxes: 4 },
  { tier: 'microvm', rounds: 8, refillMs: 3000, sandboxes: 3 },
] as const;
type Measured = (typeof measured)[number];

/** Every tier against the bare interpreter of the same image: what a program waits, what a sandbox costs, what is served in all. */
export async function tiers(): Promise<void> {
  const asked = process.env.BENCH_TIERS?.split(',');
  const chosen = measured.filter(({ tier }) => !asked || asked.includes(tier));
  console.log(`load before: ${loadavg()[0]!.toFixed(1)}`);
  const answers = [];
  const costs = [];
  for (const one of chosen) {
    const env = { DRAGOMAN_RATE_LIMITS: 'off', DRAGOMAN_ISOLATION: one.tier, DRAGOMAN_RUN_TIMEOUT_MS: '120000' };
    const server = await startServer({ env });
    try {
      answers.push(...(await answersOf(one, server)));
      costs.push([one.tier, ...(await servedBy(server)), await forkOf(server)]);
    } finally {
      await server.stop();
    }
  }
  console.log('Programs on a parked sandbox, one client, milliseconds; the bare interpreter of the image in turn');
  table(['tier', 'program', 'ours p50', 'p95', 'bare p50', 'ratio', 'load'], answers);
  console.log('Stateless `print`, runs a second by clients at once; milliseconds of forking a session');
  table(['tier', '1 client', '2', '4', 'fork'], costs);
  const rows = [];
  for (const one of chosen) rows.push(await sandboxOf(one));
  console.log(
    'One sandbox: milliseconds to make it, MiB (proportional) parked and live with pandas, warm unit on disk',
  );
  table(['tier', 'made p50', 'p95', 'parked', 'live', 'cell p50', 'freeze and thaw', 'warm unit MiB'], rows);
}

async function answersOf({ tier, rounds, refillMs }: Measured, server: TestServer) {
  const bare = openBare(await imageRoot());
  const rows = [];
  for (const { name, lang, code, bare: argv } of programs.filter(({ lang: of }) => of === 'py')) {
    const ours: number[] = [];
    const theirs: number[] = [];
    // A template may be made with its first program.
    for (let each = 0; each < 2; each++) await exec(server, lang, code);
    await bare.run(argv);
    for (let round = 0; round < rounds; round++) {
      await sleep(refillMs);
      const started = performance.now();
      await exec(server, lang, code);
      ours.push(performance.now() - started);
      theirs.push(await bare.run(argv));
    }
    const ratios = ours.map((own, round) => own / theirs[round]!);
    const load = loadavg()[0]!;
    rows.push([tier, name, median(ours), percentile(ours, 0.95), median(theirs), median(ratios), load]);
  }
  bare.close();
  return rows;
}

const sliceMs = 6000;

async function servedBy(server: TestServer): Promise<number[]> {
  const rates = [];
  for (const clients of [1, 2, 4]) {
    let runs = 0;
    const started = performance.now();
    const work = async () => {
      while (performance.now() - started < sliceMs) {
        await exec(server, 'py', 'print(42)');
        runs++;
      }
    };
    await Promise.all(Array.from({ length: clients }, work));
    rates.push((runs / (performance.now() - started)) * 1000);
  }
  return rates;
}

/** From the request to a session with the variables of another one, up to the end of its first cell. */
async function forkOf(server: TestServer): Promise<number> {
  const client = nativeClient(server);
  const id = await client.session();
  await client.cell(id, 'import pandas as pd\nframe = pd.DataFrame({"a": range(1000)})');
  const times = [];
  for (let round = 0; round < 5; round++) {
    const started = performance.now();
    const fork = await client.json<{ id: string }>('POST', `/sessions/${id}/fork`, {});
    const { stdout } = await client.cell(fork.id, 'print(len(frame))');
    if (stdout !== '1000\n') throw new Error('a fork without variables');
    times.push(performance.now() - started);
    await client.send('DELETE', `/sessions/${fork.id}`);
  }
  return median(times);
}

async function sandboxOf({ tier, sandboxes }: Measured) {
  const engine = await startEngine({ isolation: tier, poolSize: 0 });
  try {
    const template = engine.engine.catalogue.sessionKind().template;
    const made: number[] = [];
    const before = memoryOf();
    const parked = [];
    for (let each = 0; each <= sandboxes; each++) {
      const started = performance.now();
      parked.push(await engine.backend.create({ template, limits: testLimits }));
      // The first may have made its template.
      if (each > 0) made.push(performance.now() - started);
    }
    await sleep(1000);
    const parkedMiB = (memoryOf() - before) / (sandboxes + 1) / MiB;
    const frozen = await frozenIn(parked[0]!);
    await Promise.all(parked.map((sandbox) => sandbox.destroy()));
    const { live, cell } = await liveOf(engine, sandboxes);
    return [tier, median(made), percentile(made, 0.95), parkedMiB, live, cell, frozen, warmUnitMiB(tier)];
  } finally {
    await engine.close();
  }
}

/** What a session waits for between two cells: everything stopped, and running again. */
async function frozenIn(sandbox: Sandbox): Promise<number> {
  const times = [];
  for (let round = 0; round < 10; round++) {
    const started = performance.now();
    await sandbox.freeze();
    await sandbox.thaw();
    times.push(performance.now() - started);
  }
  return median(times);
}

async function liveOf(engine: TestEngine, count: number) {
  const before = memoryOf();
  const sessions = [];
  for (let each = 0; each < count; each++) sessions.push(await engine.openSession());
  for (const session of sessions) await session.run('import pandas as pd\nframe = pd.DataFrame({"a": [1, 2]})');
  const live = (memoryOf() - before) / count / MiB;
  const cells: number[] = [];
  for (let round = 0; round < 10; round++) {
    const started = performance.now();
    await sessions[0]!.run('x = 1');
    cells.push(performance.now() - started);
  }
  await Promise.all(sessions.map((session) => session.close()));
  return { live, cell: median(cells) };
}

/** Proportional memory of everything that this process has started. */
function memoryOf(): number {
  return descendants(process.pid).reduce((sum, { pid }) => {
    try {
      return sum + pss([pid]);
    } catch {
      return sum; // It has ended meanwhile.
    }
  }, 0);
}

/** What one template takes on disk: of namespaces nothing, because its templates are processes. */
function warmUnitMiB(tier: string): string {
  const { dataDir } = loadConfig().stores;
  const folder = tier === 'gvisor' ? join(dataDir, 'tiers/gvisor') : join(dataDir, 'machines/templates');
  if (tier === 'namespaces') return '-';
  const sizes = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /checkpoint|pages|memory/.test(`${entry.parentPath}/${entry.name}`))
    .map((entry) => statSync(join(entry.parentPath, entry.name)).blocks * 512)
    .filter((bytes) => bytes > MiB);
  return sizes.map((bytes) => Math.round(bytes / MiB)).join(' ');
}
