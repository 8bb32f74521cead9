import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { TestEngine } from './engine.ts';
import { input } from './input.ts';

const MiB = 1024 * 1024;
/** Loaded once for all sessions, to save time. */
const preload = ['pandas', 'matplotlib.pyplot', 'scipy.stats', 'sklearn.pipeline', 'sympy', 'networkx', 'seaborn'];
const folder = fileURLToPath(new URL('../conformance/state', import.meta.url));

/** How a state is kept: as kernels do, or by cloudpickle, in one dump or in one for each variable. */
export type StateWay = 'own' | 'cloudpickle' | 'single';

/** What became of one session of a corpus. */
export interface StateRow {
  readonly name: string;
  readonly way: StateWay;
  /** The session or its successor ended before it was judged. */
  readonly died?: boolean;
  readonly verdicts: Readonly<Record<string, 'right' | 'lost' | 'wrong'>>;
  /** Probes that differ: before, after, and why it is lost where that was said. */
  readonly wrong: Readonly<Record<string, readonly [before: string, after: string, reason: string]>>;
  /** What was said to be lost; settings of the process by their name after "@". */
  readonly lost: Readonly<Record<string, string>> | null;
  /** Cells that failed, which is a fault of the corpus. */
  readonly failed: readonly string[];
  /** Seconds: how long the kernel could do nothing else, until the whole stream was there, and until it was taken in. */
  readonly blocked: number;
  readonly saved: number;
  readonly restored: number;
  readonly bytes: number;
}

/** Runs the sessions of a corpus (files of `test/conformance/state`) in a sandbox. */
export async function runStates(
  engine: TestEngine,
  files: readonly string[],
  ways: readonly StateWay[],
): Promise<StateRow[]> {
  const inputs = await Promise.all(
    ['run_states.py', ...files].map(async (path) => input(path, await readFile(`${folder}/${path}`))),
  );
  const settings = JSON.stringify({ files, ways, preload });
  const run = await engine.run('python', `import pandas\n${program(settings)}`, {
    inputs,
    limits: {
      wallMs: 300_000,
      memoryBytes: 1024 * MiB,
      processes: 256,
      outputBytes: 8 * MiB,
      floodBytes: 16 * MiB,
      workspaceFiles: 5000,
    },
  });
  const rows = run.stdout.split('\n').filter((line) => line.startsWith('{'));
  if (run.exitCode !== 0)
    throw new Error(`the sessions ended with ${run.exitCode} (${run.outcome}): ${run.stderr.slice(-2000)}`);
  return rows.map((line) => JSON.parse(line) as StateRow);
}

/** Shares of variables in percent. */
export function shares(rows: readonly StateRow[]): { right: number; lost: number; wrong: number; variables: number } {
  const all = rows.flatMap(({ verdicts }) => Object.values(verdicts ?? {}));
  const share = (verdict: string) => (100 * all.filter((each) => each === verdict).length) / Math.max(1, all.length);
  return { right: share('right'), lost: share('lost'), wrong: share('wrong'), variables: all.length };
}

function program(settings: string): string {
  return `import sys
sys.argv = ['run_states.py', ${JSON.stringify(settings)}]
with open('run_states.py') as file:
    exec(compile(file.read(), 'run_states.py', 'exec'))
`;
}
