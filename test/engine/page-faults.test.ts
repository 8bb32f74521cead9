import { globSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { isParked } from '../support/parked.ts';
import { descendants } from '../support/processes.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const runs = 30;

/**
 * Page faults hardly depend on what else a machine does, so they tell of a cost that came in as no time can. Of a run: its sandbox, the
 * program in it, and the zygote's part.
 */
it.each([
  ['python', 'print(42)', 250],
  ['python', 'import pandas as pd\nprint(pd.DataFrame({"a": [1, 2, 3]}).describe())', 1300],
  ['bash', 'echo 42', 180],
])('a program costs few page faults: %s, %s', { timeout: 200_000 }, async (language, code, most) => {
  await run(language, code, 5);
  const before = await settled();
  await run(language, code, runs);
  const after = await settled();
  expect((after - before) / runs).toBeLessThan(most);
});

/** 700 without it. To run the warm-up itself in each would take as long as a program. */
it('a sandbox that has waited for a while has had what programs write to copied', { timeout: 200_000 }, async () => {
  const describe = 'import pandas as pd\nprint(pd.DataFrame({"a": [1, 2, 3]}).describe())';
  await run('python', describe, 1);
  await settled();
  const faults = 'import resource\nnow = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\nbefore = now()';
  const { stdout } = await engine.run('python', `${faults}\n${describe}\nprint(now() - before)`);
  expect(Number(stdout.trim().split('\n').at(-1))).toBeLessThan(300);
});

async function run(language: string, code: string, times: number): Promise<void> {
  for (let each = 0; each < times; each++) expect(await engine.run(language, code)).toMatchObject({ exitCode: 0 });
}

/** The count once every kind of sandbox is parked, and nothing is being made or warmed up any more. */
async function settled(): Promise<number> {
  let [last, same] = [-1, 0];
  await vi.waitUntil(
    () => {
      const now = faults();
      same = isParked(engine.engine) && now === last ? same + 1 : 0;
      last = now;
      return same >= 5;
    },
    { timeout: 90_000, interval: 300 },
  );
  return last;
}

function faults(): number {
  const [file] = globSync('/sys/fs/cgroup/**/dragoman.*/memory.stat').filter((path) =>
    path.includes(`/dragoman.${process.pid}.`),
  );
  // Version 1 tells of the groups below in lines of their own.
  const stat = readFileSync(file!, 'utf8');
  const sandboxes = Number((/^total_pgfault (\d+)/m.exec(stat) ?? /^pgfault (\d+)/m.exec(stat))![1]);
  // Field 10 of a process' own: minor faults.
  const zygotes = descendants(process.pid)
    // A sandbox's pid namespace is two levels below ours.
    .filter(({ levels }) => levels.length === 2)
    .map(({ pid }) => readFileSync(`/proc/${pid}/stat`, 'latin1'))
    .filter((stat) => /\((?:python3|zygote)\)/.test(stat))
    .map((stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[7]));
  return zygotes.reduce((sum, each) => sum + each, sandboxes);
}
