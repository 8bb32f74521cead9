import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { type ExecAnswer, exec } from '../test/support/client.ts';
import { program } from '../test/support/programs.ts';
import { startServer, type TestServer } from '../test/support/server.ts';
import { median, percentile, table } from './statistics.ts';

const usage = 'usage: npm run soak -- [--runs N] [--clients N]   (a tenth of the runs is hostile)';
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    clients: { type: 'string', default: '6' },
    help: { type: 'boolean' },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const runs = Number(values.runs);
const clients = Number(values.clients);
if (!(Number.isInteger(runs) && runs > 0 && Number.isInteger(clients) && clients > 0)) {
  console.error(usage);
  process.exit(2);
}

type Target = Pick<TestServer, 'url' | 'key'>;

/** Each checks its own answer: a nonce has to come back, a file has to have the right bytes. */
const good: readonly ((server: Target) => Promise<void>)[] = [
  (server) => echo(server, 'py', (nonce) => `print("${nonce}")`),
  (server) =>
    echo(server, 'py', (nonce) => `import asyncio\nasync def f(): return "${nonce}"\nprint(asyncio.run(f()))`),
  (server) => echo(server, 'py', (nonce) => `import pandas as pd\nprint(pd.DataFrame({"a": ["${nonce}"]}).a[0])`),
  (server) => echo(server, 'bash', (nonce) => `echo ${nonce} | tr a-z a-z`),
  (server) => echo(server, 'js', (nonce) => `console.log("${nonce}")`),
  (server) => echo(server, 'ts', (nonce) => `const n: string = "${nonce}"; console.log(n)`),
  async (server) => {
    const nonce = randomBytes(20_000).toString('hex');
    const answer = await exec(server, {
      lang: 'py',
      code: `open("out/n.txt", "w").write("${nonce}")`.replace('open', '__import__("os").makedirs("out")\nopen'),
    });
    const file = answer.files[0];
    if (!file) throw new Error(`no file came out: ${JSON.stringify(answer)}`);
    const headers = { 'x-api-key': server.key };
    const bytes = await (
      await fetch(`${server.url}/v1/download/${file.storage_session_id}/${file.id}`, { headers })
    ).arrayBuffer();
    if (sha256(Buffer.from(bytes)) !== sha256(Buffer.from(nonce))) throw new Error('a file came out changed');
    const again = await exec(server, {
      lang: 'py',
      code: 'print(len(open("in.txt").read()))',
      files: [{ ...file, session_id: file.storage_session_id, name: 'in.txt' }],
    });
    expectText(again, `${nonce.length}\n`);
  },
  async (server) => {
    const response = await fetch(`${server.url}/v1/exec`, {
      method: 'POST',
      headers: { 'x-api-key': server.key, 'content-type': 'application/json' },
      body: '{"lang":',
    });
    await response.text();
    if (response.status !== 400) throw new Error(`malformed JSON was answered ${response.status}`);
  },
];

const hostilePrograms = [
  'resources/fork-bomb.py',
  'resources/memory-bomb.py',
  'resources/thread-bomb.py',
  'resources/daemon.py',
  'resources/flood-stdout.py',
  'resources/fill-file-systems.py',
  'resources/ignore-signals.py',
  'resources/close-everything-and-spin.py',
  'results/forge-frames.py',
  'results/break-protocol.py',
  'results/late-output.py',
  'outputs/tricks.py',
  'outputs/many-files.py',
  'kernel/refused-calls.py',
  'host/write-image.py',
];

/** Whatever it does, it gets an answer; or it is a client that leaves, which gets none. */
async function hostile(server: Target, index: number): Promise<void> {
  if (index % 10 === 9) {
    await exec(server, { lang: 'py', code: 'while True: pass' }, { signal: AbortSignal.timeout(50) }).catch(() => {});
    return;
  }
  if (index % 10 === 8) return slowClient(server);
  const { language, code } = program(hostilePrograms[index % hostilePrograms.length]!);
  const answer = await exec(server, { lang: language, code, args: ['junk'], timeout: 1000 });
  if (answer.httpStatus !== 200)
    throw new Error(`a hostile program was answered ${answer.httpStatus}: ${answer.error}`);
  if (answer.stdout.includes('breach')) throw new Error(`a wall fell: ${answer.stdout.slice(0, 300)}`);
}

/** Sends half a request and goes. */
function slowClient(server: Target): Promise<void> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        `POST /v1/exec HTTP/1.1\r\nhost: x\r\nx-api-key: ${server.key}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"lang"`,
      );
      setTimeout(() => socket.destroy(), 20);
    });
    socket.on('error', () => {}).on('close', () => resolve());
  });
}

async function echo(server: Target, lang: string, code: (nonce: string) => string): Promise<void> {
  const nonce = randomBytes(8).toString('hex');
  expectText(await exec(server, { lang, code: code(nonce) }), `${nonce}\n`);
}

function expectText(answer: ExecAnswer, text: string): void {
  if (answer.httpStatus !== 200 || answer.stdout !== text || answer.code !== 0) {
    throw new Error(`expected ${JSON.stringify(text.slice(0, 80))}: ${JSON.stringify(answer).slice(0, 500)}`);
  }
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** What a server holds of the host. */
function census(pid: number): Record<string, number> {
  const descriptors = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return {
    processes: family(pid),
    // Clients' connections come and go by their own clocks.
    descriptors: descriptors.filter((target) => target !== '' && !target.startsWith('socket:')).length,
    mounts: readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n').length,
    groups: groups(pid),
  };
}

function family(pid: number): number {
  let count = 0;
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      for (const child of readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean)) {
        count += 1 + family(Number(child));
      }
    }
  } catch {
    // It has ended meanwhile.
  }
  return count;
}

function groups(pid: number): number {
  const prefix = `dragoman.${pid}.`;
  const visit = (dir: string, depth: number, own: boolean): number => {
    let count = 0;
    for (const { name } of directories(dir)) {
      if (own) count++;
      if (depth > 0) count += visit(`${dir}/${name}`, depth - 1, own || name.startsWith(prefix));
    }
    return count;
  };
  return visit('/sys/fs/cgroup', 4, false);
}

function directories(dir: string) {
  try {
    return readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  } catch {
    return []; // It has gone meanwhile.
  }
}

/** Waits until nothing changes any more: the pool is full and nothing is being torn down. */
async function settled(pid: number): Promise<Record<string, number>> {
  let last = '';
  for (let same = 0, tries = 0; same < 6 && tries < 120; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    const now = JSON.stringify(census(pid));
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return JSON.parse(last);
}

function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

async function load(
  target: Target & { hostileKey: string },
  count: number,
  failures: string[],
  times: number[],
): Promise<void> {
  let next = 0;
  const started = performance.now();
  const progress = setInterval(() => console.log(`${next} of ${count} runs, ${failures.length} failures`), 2000);
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < count) {
        const index = next++;
        const began = performance.now();
        const isHostile = index % 10 === 3;
        try {
          if (isHostile) await hostile({ url: target.url, key: target.hostileKey }, Math.floor(index / 10));
          else await good[index % good.length]!(target);
        } catch (error) {
          failures.push((error as Error).message);
        }
        if (!isHostile) times.push(performance.now() - began);
      }
    }),
  );
  clearInterval(progress);
  console.log(`${count} runs in ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
}

async function neighbours(target: Target & { hostileKey: string }): Promise<{ idle: number; besides: number }> {
  const time = async () => {
    const times: number[] = [];
    for (let i = 0; i < 30; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const began = performance.now();
      await echo(target, 'py', (nonce) => `print("${nonce}")`);
      times.push(performance.now() - began);
    }
    return median(times);
  };
  const idle = await time();
  const gone = new AbortController();
  const loops = Array.from({ length: 8 }, () =>
    exec(
      { url: target.url, key: target.hostileKey },
      { lang: 'py', code: 'while True: pass' },
      { signal: gone.signal },
    ).catch(() => {}),
  );
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const besides = await time();
  gone.abort();
  await Promise.all(loops);
  return { idle, besides };
}

const server = await startServer({
  env: {
    DRAGOMAN_API_KEYS: 'good:key-of-the-good,bad:key-of-the-bad',
    DRAGOMAN_RATE_LIMITS: 'off',
    DRAGOMAN_LOG_LEVEL: 'warn',
    DRAGOMAN_MEMORY_BYTES: '448m',
    DRAGOMAN_WORKSPACE_BYTES: '128m',
    // Without a bound V8 lets garbage lie as long as there is memory, and growth would say nothing.
    NODE_OPTIONS: '--max-old-space-size=128',
  },
});
const target = { url: server.url, key: 'key-of-the-good', hostileKey: 'key-of-the-bad' };
const failures: string[] = [];
await load(target, Math.min(300, runs), failures, []);
const before = await settled(server.pid);
const residentBefore = residentMiB(server.pid);
const times: number[] = [];
await load(target, runs, failures, times);
const after = await settled(server.pid);
const residentAfter = residentMiB(server.pid);
const { idle, besides } = await neighbours(target);
await server.stop();

const verdict = (held: boolean) => (held ? 'held' : 'BROKEN');
const rows: [string, string, string, string][] = Object.keys(before).map((name) => [
  `${name} after, as before`,
  String(before[name]),
  String(after[name]),
  verdict(after[name] === before[name]),
]);
rows.push([
  'resident memory with 128 MiB of heap, MiB',
  residentBefore.toFixed(0),
  residentAfter.toFixed(0),
  verdict(residentAfter < 400),
]);
rows.push(['wrong or missing answers', '0', String(failures.length), verdict(failures.length === 0)]);
rows.push([
  'good runs: p50 and p99, ms',
  median(times).toFixed(0),
  percentile(times, 0.99).toFixed(0),
  verdict(percentile(times, 0.99) < 10_000),
]);
rows.push([
  'print idle, beside 8 endless loops, ms',
  idle.toFixed(1),
  besides.toFixed(1),
  verdict(besides < 10 * idle),
]);
table(['invariant', 'before', 'after', ''], rows);
for (const failure of failures.slice(0, 10)) console.log(failure);
process.exitCode = rows.some((row) => row[3] !== 'held') ? 1 : 0;
