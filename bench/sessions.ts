import { startEngine } from '../test/support/engine.ts';
import { pss, sandboxes } from './sandboxes.ts';
import { median, table } from './statistics.ts';

const cells = 100;
const MiB = 1024 * 1024;

/** The second and later cells of a live session against the cell's own time, taken inside. */
export async function cellOverhead(): Promise<void> {
  const { openSession, close } = await startEngine();
  const rows = [];
  for (const [name, code] of [
    ['x = 1', 'x = 1'],
    ['pandas describe', 'frame.describe()'],
  ] as const) {
    const session = await openSession();
    await session.run('import pandas as pd, time\nframe = pd.DataFrame({"a": range(100)})');
    const overheads: number[] = [];
    const totals: number[] = [];
    for (let cell = 0; cell < cells; cell++) {
      const started = performance.now();
      const { stdout } = await session.run(
        `_t = time.perf_counter()\n${code}\nprint((time.perf_counter() - _t) * 1000)`,
      );
      const total = performance.now() - started;
      totals.push(total);
      overheads.push(total - Number(stdout));
    }
    rows.push([name, median(totals), median(overheads), '<= 3']);
    await session.close();
  }
  await close();
  console.log('Next cell of a live Python session, milliseconds');
  table(['cell', 'whole p50', 'over its own time p50', 'promised'], rows);
}

/** The first cell of each language in a session that has run Python, whose interpreter is started for it, beside the next one. */
export async function firstCells(): Promise<void> {
  const { openSession, close } = await startEngine();
  const times = ['python', 'javascript', 'bash'].map((language) => ({
    language,
    code: language === 'bash' ? ':' : '1',
    first: [] as number[],
    next: [] as number[],
  }));
  for (let count = 0; count < 15; count++) {
    const session = await openSession();
    for (const { language, code, first, next } of times) {
      const timed = async () => {
        const started = performance.now();
        await session.run(code, { language });
        return performance.now() - started;
      };
      first.push(await timed());
      next.push(await timed());
    }
    await session.close();
  }
  await close();
  console.log('First cells of a language in a live session, milliseconds');
  table(
    ['language', 'first p50', 'next p50', 'ratio'],
    times.map(({ language, first, next }) => [language, median(first), median(next), median(first) / median(next)]),
  );
}

/** Memory that is a sandbox's alone (proportional set size), parked, and live with pandas loaded. */
export async function memory(): Promise<void> {
  const count = 20;
  const { openSession, close } = await startEngine({ poolSize: 4 });
  const rows = [];
  const pandas = 'import pandas as pd\ndf = pd.DataFrame({"a": [1]})\nprint(df.describe())';
  for (const [name, code, promised] of [
    ['python session, x = 1', 'x = 1', ''],
    ['python session with pandas', pandas, '<= 16'],
  ] as const) {
    const before = sandboxes();
    const sessions = await Promise.all(Array.from({ length: count }, () => openSession()));
    for (const session of sessions) await session.run(code);
    const mine = [...sandboxes()].filter(([namespace]) => !before.has(namespace)).map(([, pids]) => pids);
    rows.push([name, median(mine.map(pss)) / MiB, promised]);
    await Promise.all(sessions.map((session) => session.close()));
  }
  const parked = [...sandboxes().values()];
  rows.push(['parked, all kinds', median(parked.map(pss)) / MiB, '']);
  await close();
  console.log(`Memory per sandbox, MiB (PSS, median of ${count})`);
  table(['sandbox', 'MiB', 'promised'], rows);
}
