import type { TestServer } from '../test/support/server.ts';
import type { Bare } from './bare.ts';
import { post } from './lean-client.ts';
import { type Program, programs } from './programs.ts';
import { median, percentile, table } from './statistics.ts';

const rounds = 30;
/** One client that reads its answer before it asks again: the pool has this long to refill. */
const pauseMs = 150;

/** `POST /v1/exec` against the bare interpreter of the same image, in turn. */
export async function latency(server: TestServer, bare: Bare): Promise<void> {
  const rows = [];
  for (const program of programs) {
    const { ours, theirs, ratio } = await latencyOf(server, bare, program);
    rows.push([program.name, median(ours), percentile(ours, 0.95), median(theirs), ratio, `<= ${program.promise}`]);
  }
  console.log('Latency, one client, milliseconds');
  table(['program', 'ours p50', 'ours p95', 'bare p50', 'ratio', 'promised'], rows);
}

/** Milliseconds of each run, and the median of how many times the bare command each took. */
export async function latencyOf(server: TestServer, bare: Bare, { lang, code, bare: argv }: Program) {
  const ours: number[] = [];
  const theirs: number[] = [];
  const ratios: number[] = [];
  await exec(server, lang, code);
  await bare.run(argv);
  for (let round = 0; round < rounds; round++) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const started = performance.now();
    await exec(server, lang, code);
    const own = performance.now() - started;
    const other = await bare.run(argv);
    ours.push(own);
    theirs.push(other);
    ratios.push(own / other);
  }
  return { ours, theirs, ratio: median(ratios) };
}

/** Runs a program over HTTP, client included. @throws Error unless it ran and exited with 0 */
export async function exec(server: TestServer, lang: string, code: string): Promise<void> {
  const { status, text } = await post(`${server.url}/v1/exec`, server.key, JSON.stringify({ lang, code }));
  const answer = JSON.parse(text) as { code?: number };
  if (status !== 200 || answer.code !== 0) throw new Error(`${status} ${text}`);
}
