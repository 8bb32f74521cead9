import { readdirSync, readFileSync } from 'node:fs';
import { descendants } from '../test/support/processes.ts';
import type { TestServer } from '../test/support/server.ts';
import { pss } from './sandboxes.ts';
import { table } from './statistics.ts';

const settleMs = 20_000;
const seconds = 10;

export interface Rest {
  readonly serviceMiB: number;
  /** Of all processes, shared pages counted once. */
  readonly allMiB: number;
  /** Processor time, milliseconds a second. */
  readonly cpuMsPerSecond: number;
}

/** What a server takes without requests. */
export async function rest(server: TestServer): Promise<void> {
  const { serviceMiB, allMiB, cpuMsPerSecond } = await restOf(server);
  console.log('At rest');
  table(
    ['service MiB', 'all processes MiB', 'promised', 'processor ms/s', 'promised'],
    [[serviceMiB, allMiB, '<= 250', cpuMsPerSecond, '<= 2']],
  );
}

export async function restOf(server: TestServer): Promise<Rest> {
  await wait(settleMs);
  const pids = () => [server.pid, ...descendants(server.pid).map(({ pid }) => pid)];
  const before = sum(pids());
  await wait(seconds * 1000);
  const used = sum(pids()) - before;
  return {
    serviceMiB: pss([server.pid]) / 2 ** 20,
    allMiB: pss(pids()) / 2 ** 20,
    cpuMsPerSecond: used / seconds,
  };
}

function sum(pids: readonly number[]): number {
  return pids.map(cpuMs).reduce((total, each) => total + each, 0);
}

/** Processor time of all threads of a process. */
export function cpuMs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]) / 1e6)
    .reduce((total, each) => total + each, 0);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
