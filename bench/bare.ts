import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The image's own interpreters without service, warmth or limits. */
export interface Bare {
  /** Runs a command inside the image; resolves with its milliseconds. @throws Error when it fails */
  run(argv: readonly string[]): Promise<number>;
  /** The same; resolves with its milliseconds of processor time. */
  cost(argv: readonly string[]): Promise<number>;
  close(): void;
}

interface Times {
  readonly ms: number;
  readonly cpuMs: number;
}

/** Enters the image once, so that entering it is no part of what is measured. */
export function openBare(imageRoot: string): Bare {
  const driver = openSync(fileURLToPath(new URL('./bare.py', import.meta.url)), 'r');
  const mounts = [
    '--ro-bind',
    imageRoot,
    '/',
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    '--tmpfs',
    '/tmp',
    '--file',
    '3',
    '/tmp/bare.py',
  ];
  const environment = ['--clearenv', '--setenv', 'PATH', '/usr/local/bin:/usr/bin:/bin', '--setenv', 'HOME', '/tmp'];
  const fonts = ['--setenv', 'MPLCONFIGDIR', '/tmp/.matplotlib', '--setenv', 'OPENBLAS_NUM_THREADS', '1'];
  const args = [
    '--unshare-pid',
    '--unshare-net',
    '--die-with-parent',
    ...mounts,
    ...environment,
    ...fonts,
    '--chdir',
    '/tmp',
  ];
  const child: ChildProcess = spawn('bwrap', [...args, '/usr/bin/python3', '/tmp/bare.py'], {
    stdio: ['pipe', 'pipe', 'inherit', driver],
  });
  const waiting: { resolve: (times: Times) => void; reject: (error: Error) => void }[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const [ms, status, cpuMs] = line.split(' ').map(Number) as [number, number, number];
    const next = waiting.shift();
    if (status === 0) next?.resolve({ ms, cpuMs });
    else next?.reject(new Error(`the bare command ended with ${status}`));
  });
  child.on('exit', () => {
    for (const { reject } of waiting) reject(new Error('the bare driver ended'));
  });
  const ask = (argv: readonly string[]) =>
    new Promise<Times>((resolve, reject) => {
      waiting.push({ resolve, reject });
      child.stdin!.write(`${JSON.stringify(argv)}\n`);
    });
  return {
    run: async (argv) => (await ask(argv)).ms,
    cost: async (argv) => (await ask(argv)).cpuMs,
    close: () => child.kill('SIGKILL'),
  };
}
