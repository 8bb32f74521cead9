import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { exec } from '../../test/support/client.ts';
import { startServer } from '../../test/support/server.ts';
import { startUpstream } from '../../test/support/upstream.ts';
import { median, percentile, table } from '../statistics.ts';
import { census, leftOver, residentMiB, settled } from './census.ts';
import { echo, goodWork, soakModel } from './good.ts';
import { hostileWork } from './hostile.ts';

const usage = `usage: npm run soak -- [--runs N | --seconds N] [--clients N]
Programs, sessions, tools, compiled languages, uploads and models; a tenth of the runs is hostile.`;
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seconds: { type: 'string' },
    clients: { type: 'string', default: '6' },
    help: { type: 'boolean' },
  },
});
const [runs, clients, seconds] = [values.runs, values.clients, values.seconds ?? '0'].map(Number) as [
  number,
  number,
  number,
];
if (values.help || !(Number.isInteger(runs) && runs > 0 && Number.isInteger(clients) && clients > 0 && seconds >= 0)) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}

/** After so many runs everything has to be as it was before the first. */
const roundOf = 1000;
const warmUp = 300;
/** What good runs may take at most, but for one in a hundred. */
const p99Ms = 10_000;
const maxResidentMiB = 600;

const upstream = await startUpstream({ models: ['soak'] });
upstream.always(soakModel);
const server = await startServer({
  env: {
    DRAGOMAN_API_KEYS: 'good:key-of-the-good,bad:key-of-the-bad',
    DRAGOMAN_RATE_LIMITS: 'off',
    DRAGOMAN_LOG_LEVEL: 'warn',
    DRAGOMAN_MEMORY_BYTES: '448m',
    DRAGOMAN_WORKSPACE_BYTES: '128m',
    DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
    DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
    DRAGOMAN_UPSTREAM_MODEL: 'soak',
    // Without a bound V8 lets garbage lie as long as there is memory, and growth would say nothing.
    NODE_OPTIONS: '--max-old-space-size=192',
  },
});
// Whatever goes wrong here, nothing stays.
process.once('uncaughtException', async (error) => {
  console.error(error);
  await server.kill();
  process.exit(1);
});
const good = { url: server.url, key: 'key-of-the-good' };
const bad = { url: server.url, key: 'key-of-the-bad' };
const { languages } = (await (
  await fetch(`${server.url}/v1/languages`, { headers: { 'x-api-key': good.key } })
).json()) as {
  languages: { name: string }[];
};
const work = goodWork(languages.map(({ name }) => name));

const failures: string[] = [];
const times: number[] = [];
const most: Record<string, number> = {};
let next = 0;

/** Runs so many, all clients at once, one in ten hostile. */
async function load(count: number): Promise<void> {
  const end = next + count;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < end) {
        const index = next++;
        const began = performance.now();
        const isHostile = index % 10 === 3;
        try {
          if (isHostile) await hostileWork[Math.floor(index / 10) % hostileWork.length]!(bad);
          else await work[index % work.length]!(good);
        } catch (error) {
          failures.push(`run ${index}: ${(error as Error).message}`);
        }
        if (!isHostile) times.push(performance.now() - began);
      }
    }),
  );
}

/** What has to hold while the load is on: it answers, and no number grows without end. */
async function watch(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const now = { ...census(server), 'resident MiB': Math.round(residentMiB(server.pid)) };
    for (const [name, value] of Object.entries(now)) most[name] = Math.max(most[name] ?? 0, value);
    try {
      const { status } = await fetch(`${server.url}/health`, { signal: AbortSignal.timeout(5000) });
      if (status !== 200) failures.push(`the service says that it is not well: ${status}`);
    } catch (error) {
      failures.push(`the service did not say how it is: ${(error as Error).message}`);
    }
    await sleep(1000);
  }
}

async function neighbours(): Promise<{ idle: number; besides: number }> {
  const time = async () => {
    const taken: number[] = [];
    for (let i = 0; i < 30; i++) {
      await sleep(50);
      const began = performance.now();
      await echo(good, 'py', (nonce) => `print("${nonce}")`);
      taken.push(performance.now() - began);
    }
    return median(taken);
  };
  const idle = await time();
  const gone = new AbortController();
  const loops = Array.from({ length: 8 }, () =>
    exec(bad, { lang: 'py', code: 'while True: pass' }, { signal: gone.signal }).catch(() => {}),
  );
  await sleep(2500);
  const besides = await time();
  gone.abort();
  await Promise.all(loops);
  return { idle, besides };
}

const started = performance.now();
const elapsed = () => (performance.now() - started) / 1000;
await load(warmUp);
times.length = 0;
const before = await settled(server);
const watching = new AbortController();
const watched = watch(watching.signal);
const isDone = () => (seconds > 0 ? elapsed() > seconds : next - warmUp >= runs);
const left: string[] = [];
let after = before;
while (!isDone()) {
  await load(seconds > 0 ? 100 : Math.min(roundOf, runs - (next - warmUp)));
  if (seconds === 0 || isDone()) {
    const found = await leftOver(server, before);
    after = found.after;
    left.push(
      ...found.names.map((name) => `${name}: ${before[name]} before, ${after[name]} after ${next - warmUp} runs`),
    );
  }
  console.log(
    `${next - warmUp} runs in ${elapsed().toFixed(0)} s, ${failures.length} failures, ${left.length} left over`,
  );
}
watching.abort();
await watched;
const { idle, besides } = await neighbours();
await server.stop();
await upstream.close();

const verdict = (held: boolean) => (held ? 'held' : 'BROKEN');
const p99 = percentile(times, 0.99);
table(
  ['invariant', 'before', 'at most', 'after', ''],
  [
    ...Object.keys(before).map((name) => [
      `${name} after, no more than before`,
      String(before[name]),
      String(most[name]),
      String(after[name]),
      verdict(!left.some((change) => change.startsWith(`${name}:`))),
    ]),
    [
      'resident memory with 192 MiB of heap, MiB',
      '',
      String(most['resident MiB']),
      '',
      verdict(most['resident MiB']! < maxResidentMiB),
    ],
    ['wrong or missing answers', '0', '', String(failures.length), verdict(failures.length === 0)],
    ['good runs: p50 and p99, ms', median(times).toFixed(0), '', p99.toFixed(0), verdict(p99 < p99Ms)],
    ['print idle, beside 8 endless loops, ms', idle.toFixed(1), '', besides.toFixed(1), verdict(besides < 10 * idle)],
  ],
);
for (const line of [...left, ...failures].slice(0, 20)) console.log(line);
const isHeld = left.length + failures.length === 0 && p99 < p99Ms && besides < 10 * idle;
process.exitCode = isHeld && most['resident MiB']! < maxResidentMiB ? 0 : 1;
