import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { exec } from '../../test/support/client.ts';
import { startServer } from '../../test/support/server.ts';
import { startUpstream } from '../../test/support/upstream.ts';
import { median, percentile, table } from '../statistics.ts';
import { census, leftOver, residentMiB, settled } from './census.ts';
import { echo, goodWork, soakModel, type Work } from './good.ts';
import { hostileWork } from './hostile.ts';

const usage = `usage: npm run soak -- [--runs N | --seconds N] [--clients N] [--p99 SECONDS] [--most RATIO]
Programs, sessions, tools, compiled languages, uploads and models; a tenth of the runs is hostile.`;
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seconds: { type: 'string' },
    clients: { type: 'string', default: '6' },
    /** What good runs may take at most, but for one in a hundred. */
    p99: { type: 'string', default: '10' },
    /** How much slower a program may be beside endless loops of another key. */
    most: { type: 'string', default: '10' },
    help: { type: 'boolean' },
  },
});
const [runs, clients, seconds] = [Number(values.runs), Number(values.clients), Number(values.seconds ?? 0)];
const [p99Ms, mostRatio] = [Number(values.p99) * 1000, Number(values.most)];
if (
  values.help ||
  !(
    Number.isInteger(runs) &&
    runs > 0 &&
    Number.isInteger(clients) &&
    clients > 0 &&
    seconds >= 0 &&
    p99Ms > 0 &&
    mostRatio > 0
  )
) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}

/** After so many runs everything has to be as it was before the first. */
const roundOf = 1000;
const maxResidentMiB = 600;
/** A service that is busy may take this long to say how it is. */
const healthMs = 20_000;

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

/** Does the pieces of work `from` to `to`, all clients at once. */
async function load(pick: (index: number) => { work: Work; isHostile: boolean }, from: number, to: number) {
  let next = from;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < to) {
        const index = next++;
        const { work, isHostile } = pick(index);
        const began = performance.now();
        await work(isHostile ? bad : good).catch((error) => failures.push(`run ${index}: ${error.message}`));
        if (!isHostile) times.push(performance.now() - began);
      }
    }),
  );
}

/** One in ten is hostile. */
const mixed = (index: number) => {
  const isHostile = index % 10 === 3;
  return {
    isHostile,
    work: isHostile ? hostileWork[Math.floor(index / 10) % hostileWork.length]! : work[index % work.length]!,
  };
};

/** Everything once, and what is good once more: what starts with its first use is not left over. */
const each = [
  ...hostileWork.map((work) => ({ work, isHostile: true })),
  ...[...work, ...work].map((work) => ({ work, isHostile: false })),
];

/** What has to hold while the load is on: it answers, and no number grows without end. */
async function watch(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const now = { ...census(server), 'resident MiB': Math.round(residentMiB(server.pid)) };
    for (const [name, value] of Object.entries(now)) most[name] = Math.max(most[name] ?? 0, value);
    try {
      const { status } = await fetch(`${server.url}/health`, { signal: AbortSignal.timeout(healthMs) });
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
await load((index) => each[index]!, 0, each.length);
times.length = 0;
const before = await settled(server);
const watching = new AbortController();
const watched = watch(watching.signal);
let done = 0;
const isDone = () => (seconds > 0 ? elapsed() > seconds : done >= runs);
const left: string[] = [];
let after = before;
while (!isDone()) {
  const to = done + (seconds > 0 ? 100 : Math.min(roundOf, runs - done));
  await load(mixed, done, to);
  done = to;
  if (seconds === 0 || isDone()) {
    const found = await leftOver(server, before);
    after = found.after;
    left.push(...found.names.map((name) => `${name}: ${before[name]} before, ${after[name]} after ${done} runs`));
  }
  console.log(`${done} runs in ${elapsed().toFixed(0)} s, ${failures.length} failures, ${left.length} left over`);
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
    [
      'print idle, beside 8 endless loops, ms',
      idle.toFixed(1),
      '',
      besides.toFixed(1),
      verdict(besides < mostRatio * idle),
    ],
  ],
);
for (const line of [...left, ...failures].slice(0, 20)) console.log(line);
const isHeld = left.length + failures.length === 0 && p99 < p99Ms && besides < mostRatio * idle;
process.exitCode = isHeld && most['resident MiB']! < maxResidentMiB ? 0 : 1;
