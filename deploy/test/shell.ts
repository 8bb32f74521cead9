import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  /** Both streams, in their order. */
  readonly output: string;
}

export interface ShellOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly deadlineMs?: number;
}

/** Runs a bash command in the root of the repository; never rejects. */
export function attempt(
  command: string,
  { env = {}, cwd = root, deadlineMs = 120_000 }: ShellOptions = {},
): Promise<Ran> {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', command], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: deadlineMs,
  });
  let stdout = '';
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ status: null, stdout, output: `${output}${error.message}` }));
    child.on('close', (status) => resolve({ status, stdout, output }));
  });
}

/** Runs a bash command and returns what it printed, trimmed. @throws Error with its output when it fails */
export async function shell(command: string, options: ShellOptions = {}): Promise<string> {
  const { status, stdout, output } = await attempt(command, options);
  if (status !== 0) throw new Error(`${command}\nended with ${status}:\n${output.slice(-4000)}`);
  return stdout.trim();
}

/** Polls until a condition holds. @throws Error when it does not in time */
export async function eventually(what: string, condition: () => Promise<boolean>, deadlineMs = 60_000): Promise<void> {
  for (const until = performance.now() + deadlineMs; performance.now() < until; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: not within ${deadlineMs} ms`);
}

/** A text as one word of a shell command. */
export const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
