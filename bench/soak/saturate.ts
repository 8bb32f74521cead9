import { fork } from 'node:child_process';
import { once } from 'node:events';
import { loadavg, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startServer } from '../../test/support/server.ts';
import { startUpstream } from '../../test/support/upstream.ts';
import { percentile, table } from '../statistics.ts';
import { type Attack, attacks } from './attacks.ts';
import { leftOver, settled } from './census.ts';
import { kinds, type Measured, Neighbour, nothingMeasured } from './neighbour.ts';

const usage = `usage: npm run soak -- saturate [--seconds N] [--only TEXT] [--most N] [--rates off]
One key attacks the service in each way for some seconds while another one works; tells how much slower that one is served.`;
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    /** Attacks whose names have it; several are separated by commas. */
    only: { type: 'string', default: '' },
    /** The ratio above which an attack has worked. */
    most: { type: 'string', default: '5' },
    rates: { type: 'string', default: '' },
    help: { type: 'boolean' },
  },
});
const [seconds, most] = [Number(values.seconds), Number(values.most)];
const wanted = values.only.split(',');
const chosen = attacks.filter(({ name }) => wanted.some((text) => name.includes(text)));
if (values.help || !(seconds > 0 && most > 0 && chosen.length > 0)) {
  console.log(`${usage}\nattacks: ${attacks.map(({ name }) => name).join(', ')}`);
  process.exit(values.help ? 0 : 2);
}

/** Below this a p99 counts as this: a few milliseconds more or less are not what a user would notice. */
const floorMs = 50;
const warmedAtOnce = 8;

const upstream = await startUpstream({ models: ['soak'] });
upstream.always(() => [{ text: ['One', ' two', ' three.'] }]);
const plans = { plans: { unlimited: { rate_limits: 'off' } }, keys: { good: 'unlimited' } };
const server = await startServer({
  env: {
    DRAGOMAN_API_KEYS: 'good:key-of-the-good,bad:key-of-the-bad',
    // The one who measures asks more often than a user would.
    DRAGOMAN_PLANS: JSON.stringify(plans),
    ...(values.rates ? { DRAGOMAN_RATE_LIMITS: values.rates } : {}),
    DRAGOMAN_LOG_LEVEL: 'warn',
    DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
    DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
    DRAGOMAN_UPSTREAM_MODEL: 'soak',
  },
});
// Whatever goes wrong here, nothing stays.
process.once('uncaughtException', async (error) => {
  console.error(error);
  await server.kill();
  process.exit(1);
});
const neighbour = new Neighbour({ url: server.url, key: 'key-of-the-good' });
const idle = nothingMeasured();

/** Runs an attack in a process of its own: `begun`, and `ended` when it has ended what it began. */
function attackFor({ name }: Attack, seconds: number): { begun: Promise<unknown>; ended: Promise<unknown> } {
  const path = fileURLToPath(new URL('attacker.ts', import.meta.url));
  const child = fork(path, [name, server.url, 'key-of-the-bad', String(seconds)]);
  // An attacker has a machine of its own, and nothing waits for it while it attacks.
  child.on('message', (does) => tryPriority(child.pid!, does === 'attacks' ? 19 : 0));
  const late = setTimeout(() => child.kill('SIGKILL'), seconds * 1000 + 90_000);
  const ended = once(child, 'exit').finally(() => clearTimeout(late));
  return { begun: Promise.race([once(child, 'message'), ended]), ended };
}

/** Only root may give a process its priority back. */
function tryPriority(pid: number, priority: number): void {
  try {
    setPriority(pid, priority);
  } catch {}
}

async function measuredWith(attack: Attack): Promise<Measured> {
  const { begun, ended } = attackFor(attack, seconds);
  const measured = nothingMeasured();
  await begun;
  const end = performance.now() + seconds * 1000;
  await neighbour.work(() => performance.now() >= end, measured);
  await ended;
  return measured;
}

async function idleFor(ms: number): Promise<void> {
  const end = performance.now() + ms;
  await neighbour.work(() => performance.now() >= end, idle);
}

console.log(`load of the machine: ${loadavg()[0]!.toFixed(1)}; ${seconds} s for each of ${chosen.length} attacks\n`);
await neighbour.start();
await idleFor(2000);
// Threads that start with their first use are not left over; what grows with an attack is.
for (let from = 0; from < chosen.length; from += warmedAtOnce)
  await Promise.all(chosen.slice(from, from + warmedAtOnce).map((attack) => attackFor(attack, 1.5).ended));
Object.assign(idle, nothingMeasured());
const before = await settled(server);
const results: { name: string; measured: Measured }[] = [];
for (const attack of chosen) {
  // Idle times are taken in turn with the others: the load of the machine changes.
  await idleFor((seconds * 1000) / 3);
  const measured = await measuredWith(attack);
  results.push({ name: attack.name, measured });
  console.log(`${attack.name}: ${measured.times.print.length} turns, ${measured.faults.length} refused`);
  for (const fault of measured.faults.slice(0, 3)) console.log(`  ${fault}`);
}
const left = await leftOver(server, before);
await neighbour.close();
await server.stop();
await upstream.close();

const p99 = (times: readonly number[]) => Math.max(floorMs, percentile(times, 0.99));
const rows = results.map(({ name, measured }) => {
  const ratios = kinds.map((kind) => p99(measured.times[kind]) / p99(idle.times[kind]));
  const worst = Math.max(...ratios);
  const isHeld = worst <= most && measured.faults.length === 0;
  return { isHeld, cells: [name, ...ratios, String(measured.faults.length), isHeld ? 'held' : 'BROKEN'] };
});
console.log();
table(['p99, ms, idle', ...kinds], [['', ...kinds.map((kind) => percentile(idle.times[kind], 0.99).toFixed(0))]]);
table(
  [`ratio of p99 to idle, at most ${most}`, ...kinds, 'refused', ''],
  rows.map(({ cells }) => cells),
);
table(
  ['left over', 'before', 'after', ''],
  Object.keys(before).map((name) => [
    name,
    String(before[name]),
    String(left.after[name]),
    left.names.includes(name) ? 'BROKEN' : 'held',
  ]),
);
console.log(`load of the machine: ${loadavg()[0]!.toFixed(1)}`);
const isHeld = rows.every((row) => row.isHeld) && left.names.length === 0 && idle.faults.length === 0;
for (const fault of idle.faults.slice(0, 5)) console.log(`idle: ${fault}`);
process.exitCode = isHeld ? 0 : 1;
