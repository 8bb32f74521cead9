import { Connection, inboxOf, LaneWorker, seatOf, WorkerLog, WorkerService } from '../src/cluster/index.ts';
import { newId } from '../src/core/index.ts';
import { MemoryJobFiles } from '../test/conformance/runner/runner.ts';
import { ScriptedRunner } from '../test/support/scripted-runner.ts';
import { silent as logger } from '../test/support/silent.ts';
import { testTier } from '../test/support/tier.ts';

/** A worker without sandboxes, as a process: its jobs wait for as many milliseconds as their code says, and print one line. */
const [host, seat, places] = process.argv.slice(2) as [string, string, string];
const worker = `${seat}.${newId()}`;
const credentials = { tls: false, user: undefined, password: undefined, seed: undefined, caFile: undefined };
const connection = await Connection.open({
  ...{
    servers: [host],
    ...credentials,
    name: `worker ${seat}`,
    inbox: inboxOf(seatOf(worker)),
    firstMs: 10_000,
    logger,
  },
});

let running = 0;
class SimulatedRunner extends ScriptedRunner {
  get running(): number {
    return running;
  }
  holds(): boolean {
    return false;
  }
  async settled(): Promise<void> {}
  hasRoom(): boolean {
    return true;
  }
  async letGo(): Promise<number> {
    return 0;
  }
  held() {
    return [];
  }
}
const log = new WorkerLog({ connection, worker, fenced: (job) => void runner.cancel(job), logger });
const runner = new SimulatedRunner(
  new MemoryJobFiles(),
  async (job) => {
    running++;
    runner.submitted.length = 0;
    const ms = Number(job.job.code);
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    job.print('1\n');
    running--;
    return {};
  },
  log,
);
runner.worker = worker;
const lease = () => ({
  ...{ worker, startedAt: 0, version: '0', image: 'none', places: Number(places), maxSessions: 1000, memory: 1e9 },
  tiers: [{ tier: testTier(), fault: null }],
  sessions: 0,
});
const service = new WorkerService({ connection, runner, log, lease, drainMs: 1000, logger });
const free = () => Number(places) - running;
const lane = new LaneWorker({ connection, worker, runner, tiers: [testTier()], log, free, logger, now: Date.now });
await service.start();
lane.start();
process.send?.('ready');
process.once('disconnect', () => process.exit());
