import { readdirSync, readFileSync } from 'node:fs';
import { startEngine, testLimits } from '../test/support/engine.ts';
import { median, table } from './statistics.ts';

const cells = 100;
const MiB = 1024 * 1024;

/** The second and later cells of a live session against the cell's own time, taken inside. */
export async function cellOverhead(): Promise<void> {
  const { engine, close } = await startEngine();
  const rows = [];
  for (const [name, code] of [
    ['x = 1', 'x = 1'],
    ['pandas describe', 'frame.describe()'],
  ] as const) {
    const session = await engine.openSession(engine.catalogue.find('python')!, 'data', testLimits);
    await session.execute('import pandas as pd, time\nframe = pd.DataFrame({"a": range(100)})');
    const overheads: number[] = [];
    const totals: number[] = [];
    for (let cell = 0; cell < cells; cell++) {
      const started = performance.now();
      const { stdout } = await session.execute(
        `_t = time.perf_counter()\n${code}\nprint((time.perf_counter() - _t) * 1000)`,
      );
      const total = performance.now() - started;
      totals.push(total);
      overheads.push(total - Number(stdout.text));
    }
    rows.push([name, median(totals), median(overheads), '<= 3']);
    await session.close();
  }
  await close();
  console.log('Next cell of a live Python session, milliseconds');
  table(['cell', 'whole p50', 'over its own time p50', 'promised'], rows);
}

/** Memory that is a sandbox's alone (proportional set size), parked, and live with pandas loaded. */
export async function memory(): Promise<void> {
  const count = 20;
  const { engine, close } = await startEngine({ poolSize: 4 });
  const rows = [];
  for (const template of ['light', 'data']) {
    const before = new Set(sandboxes());
    const sessions = await Promise.all(
      Array.from({ length: count }, () => engine.openSession(engine.catalogue.find('python')!, template, testLimits)),
    );
    for (const session of sessions)
      await session.execute(
        template === 'data' ? 'import pandas as pd\ndf = pd.DataFrame({"a": [1]})\nprint(df.describe())' : 'x = 1',
      );
    const mine = sandboxes().filter((pid) => !before.has(pid));
    rows.push([`python ${template}, one cell run`, median(mine.map(pss)) / MiB, template === 'data' ? '<= 16' : '']);
    await Promise.all(sessions.map((session) => session.close()));
  }
  const parked = sandboxes();
  rows.push(['parked, all kinds', median(parked.map(pss)) / MiB, '']);
  await close();
  console.log(`Memory per sandbox, MiB (PSS, median of ${count})`);
  table(['sandbox', 'MiB', 'promised'], rows);
}

/** Processes that are pid 1 of a namespace two levels below ours: a sandbox's first. */
function sandboxes(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const levels = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]?.split(/\s+/) ?? [];
        return levels.length >= 3 && levels.at(-1) === '1';
      } catch {
        return false;
      }
    });
}

function pss(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
}
