import { loadavg } from 'node:os';
import { type NativeClient, nativeClient } from '../test/support/native.ts';
import type { TestServer } from '../test/support/server.ts';
import { median, table } from './statistics.ts';

const rounds = 5;

const sessions = [
  ['a few variables', 'x = 1'],
  ['pandas, a table of 1 MB', 'import numpy, pandas\nframe = pandas.DataFrame({"a": numpy.random.rand(125_000)})'],
  ['pandas, a table of 100 MB', 'import numpy, pandas\nframe = pandas.DataFrame({"a": numpy.random.rand(12_500_000)})'],
] as const;

/** What checkpoints of sessions cost through HTTP: written, and gone on from by a fork; beside a cell and a new session. */
export async function checkpoints(server: TestServer): Promise<void> {
  const api = nativeClient(server);
  const rows = [];
  for (const [name, code] of sessions) {
    const times = await timesOf(api, code);
    rows.push([name, ...times.map((values) => median(values))]);
  }
  console.log(`Checkpoints of sessions, medians of ${rounds} in milliseconds; load ${loadavg()[0]!.toFixed(1)}`);
  table(
    ['session', 'next cell', 'first cell of a new session', 'saved', 'MB stored', 'fork', 'first cell of the fork'],
    rows,
  );
}

async function timesOf(api: NativeClient, code: string): Promise<number[][]> {
  const columns: number[][] = [[], [], [], [], [], []];
  for (let round = 0; round < rounds; round++) {
    const id = await api.session();
    const first = await timed(() => api.cell(id, 'y = 1'));
    await api.cell(id, code);
    const next = await timed(() => api.cell(id, 'y = 2'));
    const saved = await timed(() => api.json('POST', `/sessions/${id}/state`));
    const { data } = (await api.json('GET', `/sessions/${id}/state`)) as { data: { kernel: string; bytes: number }[] };
    const stored = data.find(({ kernel }) => kernel === '*')?.bytes ?? Number.NaN;
    let made = '';
    const fork = await timed(async () => {
      made = ((await api.json('POST', `/sessions/${id}/fork`)) as { id: string }).id;
    });
    const resumed = await timed(() => api.cell(made, 'y = 3'));
    for (const each of [made, id]) await api.send('DELETE', `/sessions/${each}`);
    [next, first, saved, stored / 1e6, fork, resumed].forEach((value, column) => void columns[column]!.push(value));
  }
  return columns;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
