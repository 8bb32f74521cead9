import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const launcher = fileURLToPath(new URL('../../scripts/dragoman.mjs', import.meta.url));

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What stands in front of it in a pipe; without it standard input is `/dev/null`. */
  readonly stdin?: string;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line that runs. */
export interface RunningCli {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  stdout(): string;
  readonly ended: Promise<Ended>;
}

/** Starts the real command line in a process of its own, with no configuration but what is given. */
export function startCli(args: readonly string[], { env = {}, cwd, stdin }: CliOptions = {}): RunningCli {
  const home = folder();
  const child = spawn(process.execPath, [launcher, ...args], {
    cwd: cwd ?? home,
    env: { PATH: process.env.PATH, HOME: home, ...env },
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    timeout: 50_000,
  });
  child.stdin?.on('error', () => {}).end(stdin);
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  const ended = once(child, 'close').then(([code]) => ({ code, ...said }));
  return { child, stdout: () => said.stdout, ended };
}

export const cli = (args: readonly string[], options?: CliOptions): Promise<Ended> => startCli(args, options).ended;

/** An empty folder that goes with the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'dragoman-cli-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
