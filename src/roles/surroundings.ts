import { spawn } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { DragomanError, type Plans } from '../core/index.ts';
import type { Examination, Surroundings } from '../service/index.ts';

export interface SurroundingsOptions extends Pick<Surroundings, 'version' | 'image' | 'isolation' | 'reserveBytes'> {
  readonly dataDir: string;
  readonly availableMemory: () => number;
  readonly now: () => number;
}

const program = fileURLToPath(new URL('../main.ts', import.meta.url));
/** An examination makes a sandbox: it is not made again within this time. */
const freshMs = 60_000;
const deadlineMs = 30_000;
const maxAnswerBytes = 256 * 1024;

/** Memory of the host, or less in a container with a limit; in bytes. */
const usableMemory = () => Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);

/** What this process runs on, for operators. */
export function surroundings(options: SurroundingsOptions): Surroundings {
  const { version, image, isolation, reserveBytes, dataDir, availableMemory, now } = options;
  let latest: Examination | undefined;
  let examining: Promise<Examination> | undefined;
  return {
    ...{ version, image, isolation, reserveBytes },
    startedAt: now(),
    memory: () => ({ available: availableMemory(), total: usableMemory() }),
    async disk() {
      const { bsize, bavail, blocks } = await statfs(dataDir);
      return { free: bavail * bsize, total: blocks * bsize };
    },
    async examine() {
      if (latest && now() - latest.at < freshMs) return latest;
      examining ??= examineHost(now).finally(() => {
        examining = undefined;
      });
      latest = await examining;
      return latest;
    },
    get examined() {
      return latest;
    },
  };
}

/** Runs the command `doctor` in a process of its own, because its questions to the host would hold up requests here. */
async function examineHost(now: () => number): Promise<Examination> {
  const child = spawn(process.execPath, [program, 'doctor', '--json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: deadlineMs,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < maxAnswerBytes) said += text;
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once('error', () => resolve()).once('close', () => resolve());
  await promise;
  try {
    const { usable, checks, remedies } = JSON.parse(said) as Examination;
    return { at: now(), usable, checks, remedies };
  } catch (cause) {
    throw new DragomanError('internal', { message: 'The doctor gave no answer.', cause });
  }
}

/** Four programs a core, because most wait; never more than fit into memory at the largest limit. */
export function defaultPlaces(plans: Plans): number {
  const memoryBytes = Math.max(...plans.values().map(({ limits }) => limits.memoryBytes));
  return Math.max(2, Math.min(availableParallelism() * 4, Math.floor((usableMemory() * 0.75) / memoryBytes)));
}
