import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { startEngine, type TestEngine } from '../test/support/engine.ts';
import { input } from '../test/support/input.ts';
import { runStates, type StateWay, shares } from '../test/support/session-states.ts';
import { median } from './statistics.ts';

const MiB = 1024 * 1024;
const corpora: Record<string, readonly string[]> = {
  ours: ['corpus/language.py', 'corpus/system.py', 'corpus/data.py'],
  'held out': ['held-out/sessions.py'],
};
const ways: readonly StateWay[] = ['own', 'cloudpickle', 'single'];
const titles: Record<StateWay, string> = {
  own: 'as kernels do',
  cloudpickle: 'cloudpickle, one dump',
  single: 'cloudpickle, a dump a variable',
};

/** What comes back of variables, beside plain cloudpickle, and what it costs. */
export async function state(): Promise<void> {
  const engine = await startEngine();
  try {
    console.log(
      '| corpus | way | variables | right | lost | silently wrong | sessions whole |\n|---|---|---|---|---|---|---|',
    );
    for (const [name, files] of Object.entries(corpora)) await fidelity(engine, name, files);
    await times(engine);
  } finally {
    await engine.close();
  }
}

async function fidelity(engine: TestEngine, name: string, files: readonly string[]): Promise<void> {
  const rows = await runStates(engine, files, ways);
  for (const way of ways) {
    const own = rows.filter((row) => row.way === way);
    const { right, lost, wrong, variables } = shares(own);
    const whole = own.filter(({ verdicts }) => Object.values(verdicts ?? {}).every((each) => each === 'right')).length;
    const figures = [right, lost, wrong].map((share) => `${share.toFixed(1)} %`).join(' | ');
    console.log(`| ${name} | ${titles[way]} | ${variables} | ${figures} | ${whole}/${own.length} |`);
  }
  const kept = rows.filter(({ way, died }) => way === 'own' && !died);
  const ms = (pick: (row: (typeof kept)[number]) => number) => (1000 * median(kept.map(pick))).toFixed(0);
  console.log(
    `| ${name} | median session | ${median(kept.map(({ bytes }) => bytes))} bytes | blocked ${ms((row) => row.blocked)} ms | saved ${ms((row) => row.saved)} ms | restored ${ms((row) => row.restored)} ms | |`,
  );
}

async function times(engine: TestEngine): Promise<void> {
  const script = fileURLToPath(new URL('../test/conformance/state/time_states.py', import.meta.url));
  const run = await engine.run(
    'python',
    `import pandas, sys\nsys.argv = ['x', '[1, 100, 1024]']\nexec(compile(open('time_states.py').read(), 'time_states.py', 'exec'))`,
    { inputs: [input('time_states.py', await readFile(script))], limits: { wallMs: 300_000, memoryBytes: 8192 * MiB } },
  );
  console.log(
    '\n| table | kernel blocked | saved with its trial | restored | cloudpickle dumps / loads |\n|---|---|---|---|---|',
  );
  for (const line of run.stdout.trim().split('\n')) {
    const { megabytes, blocked, saved, restored, dumps, loads } = JSON.parse(line) as Record<string, number>;
    const ms = (seconds: number | undefined) => `${((seconds ?? 0) * 1000).toFixed(0)} ms`;
    console.log(`| ${megabytes} MiB | ${ms(blocked)} | ${ms(saved)} | ${ms(restored)} | ${ms(dumps)} / ${ms(loads)} |`);
  }
  if (run.exitCode !== 0) console.log(run.stderr.slice(-1000));
}
