import type { TestServer } from '../test/support/server.ts';
import type { Bare } from './bare.ts';
import { exec } from './latency.ts';
import { programs } from './programs.ts';
import { median, table } from './statistics.ts';

const sliceMs = 2500;
const rounds = 3;

/** Runs per second at 1 to 8 clients against bare starts per second at as many as there are cores, in turn. */
export async function throughput(server: TestServer, openBare: () => Bare): Promise<void> {
  const rows = [];
  for (const { name, lang, code, bare: argv } of programs.filter(({ name }) => /print|pandas/.test(name))) {
    const rates = new Map<number, number[]>([1, 2, 4, 8].map((clients) => [clients, []]));
    const bareRates: number[] = [];
    const bares = [openBare(), openBare()];
    for (let round = 0; round < rounds; round++) {
      bareRates.push(await rate(bares.map((bare) => () => bare.run(argv))));
      for (const [clients, seen] of rates) {
        seen.push(await rate(Array.from({ length: clients }, () => () => exec(server, lang, code))));
      }
    }
    for (const bare of bares) bare.close();
    const [one, two, four, eight] = [...rates.values()].map(median);
    rows.push([name, one!, two!, four!, eight!, median(bareRates), four! / median(bareRates)]);
  }
  console.log('Runs per second, clients included');
  table(['program', '1 client', '2', '4', '8', 'bare, 2 at once', 'ratio at 4'], rows);
}

/** How many a second, when each worker begins again as soon as it is done. */
export async function rate(workers: readonly (() => Promise<unknown>)[]): Promise<number> {
  let runs = 0;
  const started = performance.now();
  const until = started + sliceMs;
  await Promise.all(
    workers.map(async (work) => {
      while (performance.now() < until) {
        await work();
        runs++;
      }
    }),
  );
  return (runs / (performance.now() - started)) * 1000;
}
