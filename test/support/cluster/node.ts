import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeOptions } from '../../../scripts/launch/run.mjs';
import { launched } from '../launched.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const startMs = 90_000;
const stopMs = 60_000;

/** A gateway or a worker, as a process of its own. */
export interface ClusterNode {
  readonly name: string;
  readonly pid: number;
  /** Where a gateway serves; of a worker empty. */
  readonly url: string;
  readonly isAlive: boolean;
  /** What it has printed so far. */
  output(): string;
  /** SIGSTOP and SIGCONT: it hears nothing for a time, and does not know it. */
  signal(name: NodeJS.Signals): void;
  /** SIGTERM. Resolves with its exit code once it has ended in order; SIGKILL after a minute. */
  stop(): Promise<number | null>;
  /** kill -9 */
  kill(): Promise<void>;
}

/** @throws Error with its output when it does not come up */
export async function startNode(name: string, env: Readonly<Record<string, string>>): Promise<ClusterNode> {
  const dataDir = mkdtempSync(join(tmpdir(), `dragoman-${name}-`));
  const child: ChildProcess = spawn(process.execPath, [...nodeOptions, join(root, 'src/main.ts'), 'serve'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...launched,
      DRAGOMAN_DATA_DIR: dataDir,
      ...env,
    },
  });
  let said = '';
  const found = Promise.withResolvers<string>();
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-256 * 1024);
      const ready = /serves at (\S+)[\s\S]*curl|runs code as worker (\S+)|keeps files at (\S+)/u.exec(said);
      if (ready) found.resolve(ready[1] ?? ready[3] ?? '');
    });
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => {
      rmSync(dataDir, { recursive: true, force: true });
      found.reject(new Error(`${name} ended:\n${said}`));
      resolve(code);
    });
  });
  const stop = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    // A process that stands still takes nothing but SIGKILL.
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
    const code = await exited;
    clearTimeout(timer);
    return code;
  };
  const timer = setTimeout(() => found.reject(new Error(`${name} did not start in time:\n${said}`)), startMs);
  try {
    const url = await found.promise;
    return {
      name,
      pid: child.pid!,
      url,
      get isAlive() {
        return child.exitCode === null && child.signalCode === null;
      },
      output: () => said,
      signal: (signal) => void child.kill(signal),
      stop: () => stop('SIGTERM'),
      kill: async () => void (await stop('SIGKILL')),
    };
  } catch (error) {
    await stop('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
