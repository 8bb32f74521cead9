import { Caller } from '../test/support/cluster/caller.ts';
import { type Cluster, startCluster } from '../test/support/cluster/cluster.ts';
import { startServer, type TestServer } from '../test/support/server.ts';
import { lane } from './lane.ts';
import { processorMs } from './processor.ts';
import { median, percentile, table } from './statistics.ts';

const rounds = 60;
/** One client that reads its answer before it asks again: the pool has this long to refill. */
const pauseMs = 100;
const events = 60;
const eventRounds = 4;
const cpuRuns = 200;
const waitingMs = 500;
const placesEach = 4;

/** One gateway and one worker over a NATS server, against role `all`, in turn; then how runs grow with workers, and with simulated ones. */
export async function cluster(): Promise<void> {
  const workerEnv = { DRAGOMAN_CONCURRENCY: String(placesEach) };
  const many = await startCluster({ gateways: 1, workers: 1, workerEnv });
  const all = await startAll(many).catch(async (error) => {
    await many.close();
    throw error;
  });
  try {
    // The data template loads in the background.
    await pause(5000);
    await added(all, many);
    await processorTime(all, many);
    await growth(many);
  } finally {
    // It writes its last records to the cluster's database.
    await all.stop();
    await many.close();
  }
  await lane();
}

/** With the same database server and the same S3 server, so that only what joins the processes makes a difference. */
async function startAll({ postgres, s3 }: Cluster): Promise<TestServer> {
  const { bucket, prefix, endpoint } = await s3.newBucket();
  return startServer({
    env: {
      DRAGOMAN_RATE_LIMITS: 'off',
      DRAGOMAN_DATABASE_URL: await postgres.newSchema(),
      DRAGOMAN_FILES_URL: `s3://${bucket}/${prefix}?endpoint=${endpoint}`,
      AWS_ACCESS_KEY_ID: process.env.AWS_ACCESS_KEY_ID!,
      AWS_SECRET_ACCESS_KEY: process.env.AWS_SECRET_ACCESS_KEY!,
    },
  });
}

async function added(all: TestServer, many: Cluster): Promise<void> {
  const callers = [new Caller(all, all.key), new Caller(many.gateways[0]!, many.keys[0])] as const;
  const sessions = [await callers[0].openSession(), await callers[1].openSession()] as const;
  const run = (side: 0 | 1) => callers[side].run('1 + 1', undefined);
  const cell = (side: 0 | 1) => callers[side].run('1 + 1', sessions[side]);
  const rows = [
    ['cell of a session', ...(await inTurn(cell)), '<= 1 ms'],
    ['run without a session', ...(await inTurn(run)), '<= 2 ms'],
  ];
  const delays: [number[], number[]] = [[], []];
  for (let round = 0; round < eventRounds; round++)
    for (const side of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const))
      delays[side].push(...(await eventDelays(callers[side], sessions[side])));
  rows.push(['event', ...compared(...delays), '<= 2 ms']);
  console.log('What a gateway and a worker add to role all, one client, milliseconds');
  table(['', 'all p50', 'all p95', 'cluster p50', 'cluster p95', 'added p50', 'promised'], rows);
}

async function inTurn(work: (side: 0 | 1) => Promise<unknown>): Promise<number[]> {
  const times: [number[], number[]] = [[], []];
  for (let round = -3; round < rounds; round++)
    for (const side of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      await pause(pauseMs);
      const begun = performance.now();
      await work(side);
      if (round >= 0) times[side].push(performance.now() - begun);
    }
  return compared(...times);
}

function compared(all: readonly number[], many: readonly number[]): number[] {
  return [median(all), percentile(all, 0.95), median(many), percentile(many, 0.95), median(many) - median(all)];
}

/** From a `print` to its event at the client; both read the clock of this machine. */
async function eventDelays(caller: Caller, session: string): Promise<number[]> {
  const code = `import time
for _ in range(${events}):
    print(time.time(), flush=True)
    time.sleep(0.02)`;
  const delays: number[] = [];
  const body = JSON.stringify({ language: 'python', code });
  for await (const { type, data } of caller.follow(`/sessions/${session}/executions`, { method: 'POST', body })) {
    const now = performance.timeOrigin + performance.now();
    if (type === 'stdout')
      for (const line of String(data.text).trim().split('\n')) delays.push(now - Number(line) * 1000);
  }
  return delays.slice(5);
}

/** Of each process, over the same runs with eight in flight. */
async function processorTime(all: TestServer, many: Cluster): Promise<void> {
  const parts = {
    'role all': all.pid,
    gateway: many.gateways[0]!.pid,
    worker: many.workers[0]!.pid,
    'NATS server': many.nats.pid,
  };
  const sides = [new Caller(all, all.key), new Caller(many.gateways[0]!, many.keys[0])];
  const spent = new Map<string, number>();
  for (let half = 0; half < 2; half++)
    for (const caller of sides) {
      const before = Object.values(parts).map(processorMs);
      await inFlight(8, cpuRuns / 2, () => caller.run('print(1)'));
      for (const [index, [name, pid]] of Object.entries(parts).entries()) {
        // While one side works, the other one's processes are at rest.
        const isOfSide = (name === 'role all') === (caller === sides[0]);
        if (isOfSide) spent.set(name, (spent.get(name) ?? 0) + processorMs(pid) - before[index]!);
      }
    }
  console.log(
    `Processor time of a run without a session, milliseconds, ${cpuRuns} runs, 8 in flight; without sandboxes`,
  );
  table(
    ['process', 'ms a run'],
    [...spent].map(([name, ms]) => [name, ms / cpuRuns]),
  );
}

/** Runs that mostly wait, so that the cores of this one machine are not what is measured. */
async function growth(many: Cluster): Promise<void> {
  const caller = new Caller(many.gateways[0]!, many.keys[0]);
  const rows = [];
  for (let workers = 1; workers <= 3; workers++) {
    if (workers > 1) {
      await many.addWorker();
      await pause(4000);
    }
    const count = 10 * placesEach * workers;
    const begun = performance.now();
    await inFlight(placesEach * workers, count, () => caller.run(`import time; time.sleep(${waitingMs / 1000})`));
    const perSecond = count / ((performance.now() - begun) / 1000);
    rows.push([String(workers), perSecond, (placesEach * workers * 1000) / waitingMs]);
  }
  console.log(`Runs of ${waitingMs} ms that wait, ${placesEach} places a worker, all workers on this one machine`);
  table(['workers', 'runs/s', 'at most'], rows);
}

async function inFlight(width: number, count: number, work: () => Promise<unknown>): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (left-- > 0) await work();
    }),
  );
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
