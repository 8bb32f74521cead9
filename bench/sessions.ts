import { startEngine } from '../test/support/engine.ts';
import { pss, sandboxes } from './sandboxes.ts';
import { median, table } from './statistics.ts';

const cells = 100;
const MiB = 1024 * 1024;

/** The second and later cells of a live session against the cell's own time, taken inside. */
export async function cellOverhead(): Promise<void> {
  const figures = await cellFigures();
  console.log('Next cell of a live Python session, milliseconds');
  table(
    ['cell', 'whole p50', 'over its own time p50', 'promised'],
    figures.map(({ name, whole, over }) => [name, whole, over, '<= 3']),
  );
}

export async function cellFigures() {
  const { openSession, close } = await startEngine();
  const figures = [];
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
    figures.push({ name, whole: median(totals), over: median(overheads) });
    await session.close();
  }
  await close();
  return figures;
}

/** The first cell of each language in a session that has run Python, whose interpreter is started for it, beside the next one. */
export async function firstCells(): Promise<void> {
  const figures = await firstCellFigures();
  console.log('First cells of a language in a live session, milliseconds');
  table(
    ['language', 'first p50', 'next p50', 'ratio'],
    figures.map(({ language, first, next }) => [language, first, next, first / next]),
  );
}

async function firstCellFigures() {
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
  return times.map(({ language, first, next }) => ({ language, first: median(first), next: median(next) }));
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
    const before = sandboxes(process.pid);
    const sessions = await Promise.all(Array.from({ length: count }, () => openSession()));
    for (const session of sessions) await session.run(code);
    const mine = [...sandboxes(process.pid)].filter(([namespace]) => !before.has(namespace)).map(([, pids]) => pids);
    rows.push([name, median(mine.map(pss)) / MiB, promised]);
    await Promise.all(sessions.map((session) => session.close()));
  }
  const parked = [...sandboxes(process.pid).values()];
  rows.push(['parked, all kinds', median(parked.map(pss)) / MiB, '']);
  await close();
  console.log(`Memory per sandbox, MiB (PSS, median of ${count})`);
  table(['sandbox', 'MiB', 'promised'], rows);
}
