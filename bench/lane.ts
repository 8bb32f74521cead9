import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  ClusterRunner,
  Connection,
  inboxOf,
  JobLogs,
  SharedLane,
  WorkerCalls,
  WorkerTable,
} from '../src/cluster/index.ts';
import { newId } from '../src/core/index.ts';
import type { Job, Runner } from '../src/runner/index.ts';
import { MemoryJobFiles } from '../test/conformance/runner/runner.ts';
import { testLimits } from '../test/support/engine.ts';
import { freePort } from '../test/support/free-port.ts';
import { type NatsServer, startNats } from '../test/support/nats.ts';
import { ScriptedRunner } from '../test/support/scripted-runner.ts';
import { silent as logger } from '../test/support/silent.ts';
import { testTier } from '../test/support/tier.ts';
import { processorMs } from './processor.ts';
import { median, percentile, table } from './statistics.ts';

const runs = 400;
const placesEach = 8;
const workMs = 50;
const growthMs = 6000;

/**
 * What the way between a gateway and its workers costs by itself: simulated workers, which have no sandboxes, over a real NATS server; and the
 * same runner called directly. Messages are those that the server counts, which no load of the machine changes.
 */
export async function lane(): Promise<void> {
  const monitor = await freePort();
  const nats = await startNats(`http: "127.0.0.1:${monitor}"`);
  const workers: ChildProcess[] = [];
  const host = new URL(nats.url).host;
  const addWorker = async () => {
    const program = fileURLToPath(new URL('simulated-worker.ts', import.meta.url));
    const child = fork(program, [host, `w_${workers.length + 1}`, String(placesEach)]);
    workers.push(child);
    await new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', () => reject(new Error('a simulated worker ended')));
    });
  };
  const gateway = await startGatewaySide(host);
  try {
    await addWorker();
    await pause(1500);
    await cost(gateway.runner, gateway.workers, nats, workers[0]!, monitor);
    await growth(gateway.runner, workers, nats, addWorker);
  } finally {
    await gateway.close();
    for (const child of workers) child.disconnect();
    await nats.close();
  }
}

async function startGatewaySide(host: string) {
  const credentials = { tls: false, user: undefined, password: undefined, seed: undefined, caFile: undefined };
  const connection = await Connection.open({
    ...{ servers: [host], ...credentials, name: 'gateway', inbox: inboxOf(undefined), firstMs: 10_000, logger },
  });
  const workers = new WorkerTable(connection, logger);
  await workers.start();
  const logs = new JobLogs({ connection, workers, logger });
  await logs.start();
  const queue = new SharedLane({ connection, workers, logs, logger, now: Date.now });
  queue.start();
  const runner = new ClusterRunner({ calls: new WorkerCalls(connection, workers), workers, log: logs, lane: queue });
  const close = async () => {
    queue.close();
    logs.close();
    workers.close();
    await connection.close();
  };
  return { runner, workers, close };
}

async function cost(
  cluster: Runner,
  workers: WorkerTable,
  nats: NatsServer,
  child: ChildProcess,
  monitor: number,
): Promise<void> {
  const direct = new ScriptedRunner(new MemoryJobFiles(), async (job) => {
    job.print('1\n');
    return {};
  });
  const worker = workers.all()[0]!.worker;
  const session = { id: newId(), epoch: 1, worker, kernel: null, ran: [], idleMs: 60_000 };
  const kinds = [
    ['cell of a session', (): Partial<Job> => ({ mode: 'cell', session })],
    ['run without a session', (): Partial<Job> => ({})],
  ] as const;
  const rows = [];
  for (const [name, kind] of kinds) {
    const times: [number[], number[]] = [[], []];
    for (let count = -20; count < runs; count++)
      for (const [side, runner] of [direct, cluster].entries()) {
        const begun = performance.now();
        await runJob(runner, job(kind()));
        if (count >= 0) times[side]!.push(performance.now() - begun);
        await pause(4);
      }
    const cpu = () => [process.cpuUsage(), processorMs(child.pid!), processorMs(nats.pid)] as const;
    await pause(1200);
    const [own, remote, broker] = cpu();
    const before = await messages(monitor);
    for (let count = 0; count < runs; count++) {
      await runJob(cluster, job(kind()));
      await pause(2);
    }
    const after = await messages(monitor);
    const [ownNow, remoteNow, brokerNow] = cpu();
    const spent = (ownNow.user + ownNow.system - own.user - own.system) / 1000;
    rows.push([
      name,
      ...[median(times[0]), median(times[1]), percentile(times[1], 0.95)],
      ...[spent / runs, (remoteNow - remote) / runs, (brokerNow - broker) / runs],
      ...[(after.in - before.in) / runs, (after.out - before.out) / runs],
    ]);
  }
  console.log('The way to a simulated worker and back, milliseconds; one at a time');
  table(
    ['', 'direct p50', 'NATS p50', 'NATS p95', 'gateway cpu', 'worker cpu', 'NATS cpu', 'messages in', 'out'],
    rows,
  );
}

async function growth(
  runner: Runner,
  workers: readonly ChildProcess[],
  nats: NatsServer,
  addWorker: () => Promise<void>,
): Promise<void> {
  const rows = [];
  for (const count of [1, 2, 4, 8]) {
    while (workers.length < count) await addWorker();
    await pause(2500);
    const places = count * placesEach;
    const end = performance.now() + growthMs;
    const spent = () => [processorMs(process.pid), processorMs(nats.pid), workersMs(workers)] as const;
    const before = spent();
    let done = 0;
    await Promise.all(
      Array.from({ length: places }, async (_, owner) => {
        while (performance.now() < end) {
          await runJob(runner, job({ code: String(workMs), owner: `owner ${owner % 8}` }));
          done++;
        }
      }),
    );
    const used = spent().map((ms, index) => (ms - before[index]!) / done);
    const perSecond = done / ((growthMs + performance.now() - end) / 1000);
    rows.push([String(count), perSecond, (places * 1000) / workMs, perSecond / ((places * 1000) / workMs), ...used]);
  }
  console.log(
    `Runs of ${workMs} ms on simulated workers with ${placesEach} places each, 8 principals; all processes on this machine`,
  );
  table(['workers', 'runs/s', 'at most', 'share', 'gateway cpu ms', 'NATS cpu ms', 'workers cpu ms'], rows);
}

const workersMs = (workers: readonly ChildProcess[]) => workers.reduce((sum, { pid }) => sum + processorMs(pid!), 0);

/** Messages that the server has got and sent. */
async function messages(monitor: number): Promise<{ in: number; out: number }> {
  const facts = (await (await fetch(`http://127.0.0.1:${monitor}/varz`)).json()) as Record<string, number>;
  return { in: facts.in_msgs!, out: facts.out_msgs! };
}

async function runJob(runner: Runner, job: Job): Promise<void> {
  await runner.submit(job);
  for await (const { event } of runner.events(job, 0)) {
    if (event.type === 'failed') throw new Error(JSON.stringify(event.error));
    if (event.type === 'ended') return;
  }
  throw new Error('no end');
}

function job(more: Partial<Job>): Job {
  return {
    ...{ id: newId(), owner: 'owner', language: 'python', code: '0', args: [], stdin: null, mode: 'program' },
    ...{
      inputs: [],
      folders: null,
      limits: testLimits,
      tier: testTier(),
      tools: null,
      session: null,
      deadline: Date.now() + 20_000,
    },
    ...more,
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
