import { readdirSync, readFileSync } from 'node:fs';
import { descendants } from '../test/support/processes.ts';
import type { TestServer } from '../test/support/server.ts';
import { pss } from './sandboxes.ts';
import { table } from './statistics.ts';

const settleMs = 20_000;
const seconds = 10;

/** What a server takes without requests: memory of all its processes, shared pages counted once, and processor time. */
export async function rest(server: TestServer): Promise<void> {
  await wait(settleMs);
  const pids = () => [server.pid, ...descendants(server.pid).map(({ pid }) => pid)];
  const before = sum(pids());
  await wait(seconds * 1000);
  const used = sum(pids()) - before;
  console.log('At rest');
  table(
    ['service MiB', 'all processes MiB', 'promised', 'processor ms/s', 'promised'],
    [[pss([server.pid]) / 2 ** 20, pss(pids()) / 2 ** 20, '<= 250', used / seconds, '<= 2']],
  );
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
