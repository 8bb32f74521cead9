import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { nodeOptions } from '../scripts/launch/run.mjs';
import { startServer, type TestServer } from '../test/support/server.ts';
import { exec } from './latency.ts';
import { programs } from './programs.ts';
import { cpuMs } from './rest.ts';
import { median, percentile, table } from './statistics.ts';

const rounds = 7;
const requests = 40;
const restMs = 300;
/** A service that has run for a while has its code compiled; until then a run costs it about 2 ms more. */
const warmUpRuns = 1000;

/** A server whose processor time and page faults are counted by control groups (version 1, as root) of its own. */
export interface Counted {
  readonly server: TestServer;
  /** Processor time of the service itself and of everything below it, and page faults of what is below it, since the start. */
  count(): { readonly service: number; readonly guests: number; readonly faults: number };
  stop(): Promise<void>;
}

/** What runs took, in milliseconds: each latency; by turn the processor time and page faults of one run. */
export interface Sample {
  readonly latencies: number[];
  readonly service: number[];
  readonly guests: number[];
  readonly faults: number[];
}

export const noSample = (): Sample => ({ latencies: [], service: [], guests: [], faults: [] });

/**
 * What a run costs, the client left out: processor time of the service, of its zygotes and sandboxes together, and page faults. With the
 * directory of another checkout, both are measured in turns.
 */
export async function cost(here: string, other: string | undefined): Promise<void> {
  const counted = await Promise.all(
    (other ? [other, here] : [here]).map((directory, index) => startCounted(directory, index)),
  );
  try {
    await rest(5000);
    await Promise.all(counted.map(({ server }) => warmUp(server)));
    const rows = [];
    const wanted = new RegExp(process.env.BENCH_PROGRAMS ?? '');
    for (const { name, lang, code } of programs.filter(({ name }) => wanted.test(name))) {
      const samples = counted.map(noSample);
      for (const { server } of counted) for (let run = 0; run < 5; run++) await exec(server, lang, code);
      for (let round = 0; round < rounds; round++)
        for (const [at, each] of counted.entries()) await sample(each, samples[at]!, lang, code);
      for (const [at, { latencies, service, guests, faults }] of samples.entries()) {
        const whose = counted.length > 1 && at === 0 ? `${name}, other` : name;
        const [own, below] = [median(service), median(guests)];
        rows.push([whose, own + below, own, below, median(faults), median(latencies), percentile(latencies, 0.95)]);
      }
    }
    console.log('Cost of a run, milliseconds of processor time without the client');
    table(['program', 'all', 'service', 'zygote and sandbox', 'their page faults', 'p50', 'p95'], rows);
  } finally {
    for (const { stop } of counted) await stop();
  }
}

/** What every run needs is compiled. */
export async function warmUp(server: TestServer): Promise<void> {
  for (let run = 0; run < warmUpRuns; run++) await exec(server, 'py', 'print(42)');
}

/** One turn: runs one after another, and the parked sandboxes that are made again for them. */
export async function sample(counted: Counted, into: Sample, lang: string, code: string): Promise<void> {
  // The parked sandboxes that the last turn took are made again in its own time.
  await rest(restMs);
  const before = counted.count();
  for (let run = 0; run < requests; run++) {
    const started = performance.now();
    await exec(counted.server, lang, code);
    into.latencies.push(performance.now() - started);
  }
  await rest(restMs);
  const after = counted.count();
  into.service.push((after.service - before.service) / requests);
  into.guests.push((after.guests - before.guests) / requests);
  into.faults.push((after.faults - before.faults) / requests);
}

/** @param index tells servers of one process apart */
export async function startCounted(directory: string, index: number): Promise<Counted> {
  const groups = ['cpuacct', 'memory'].map((kind) => `/sys/fs/cgroup/${kind}/bench.${process.pid}.${index}`);
  for (const group of groups) mkdirSync(group);
  const [cpu, memory] = groups as [string, string];
  const enter = groups.map((group) => `echo $$ > ${group}/cgroup.procs`).join(' && ');
  const main = join(directory, 'src/main.ts');
  const server = await startServer({
    command: ['sh', '-c', `${enter} && exec "$0" "$@" serve`, process.execPath, ...nodeOptions, main],
    env: { DRAGOMAN_RATE_LIMITS: 'off' },
  });
  return {
    server,
    count: () => {
      const service = cpuMs(server.pid);
      const all = Number(readFileSync(`${cpu}/cpuacct.usage`, 'latin1')) / 1e6;
      const faults = Number(/^total_pgfault (\d+)/m.exec(readFileSync(`${memory}/memory.stat`, 'latin1'))?.[1]);
      return { service, guests: all - service, faults: faults - faultsOf(server.pid) };
    },
    async stop() {
      await server.stop();
      for (const group of groups) for (const each of [...childrenOf(group), group]) rmdirSync(each);
    },
  };
}

function faultsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // Fields 10 and 12 of all: minor and major faults of its own.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[7]) + Number(fields[9]);
}

function childrenOf(group: string): string[] {
  return readdirSync(group, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(group, name));
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
