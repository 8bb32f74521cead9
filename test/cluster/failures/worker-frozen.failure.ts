import { expect, it, onTestFinished } from 'vitest';
import { describeCluster, note } from '../../support/cluster/for-file.ts';
import { RunCounter } from '../../support/cluster/run-counter.ts';

const leaseMs = 3000;
const awhile = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describeCluster('a worker is cut off and comes back', { gateways: 2, workers: 2 }, (context) => {
  const counted = () => {
    const counter = new RunCounter();
    onTestFinished(() => counter.close());
    return counter;
  };

  it('what it ran without a session is lost for the client, once, also after it is back', async () => {
    const counter = counted();
    const running = context.caller().run(`${counter.code}import time; time.sleep(8); print('late')`);
    await counter.begun();
    const worker = context.workerOf(counter);
    worker.signal('SIGSTOP');
    const ran = await running;
    expect(ran).toMatchObject({ outcome: 'worker_lost' });
    worker.signal('SIGCONT');
    await awhile(2 * leaseMs);
    for (const gateway of [0, 1]) {
      const again = (await context.caller(gateway).get(`/executions/${ran.id}`)) as { outcome: string; stdout: string };
      expect(again).toMatchObject({ outcome: 'worker_lost' });
      expect(again.stdout).not.toContain('late');
    }
    expect(counter.count).toBe(1);
    note('worker, SIGSTOP, running, then back', '200 worker_lost; what it says later reaches no client', counter.count);
  });

  it('runs that it has pulled and not begun begin elsewhere, and not again once it is back', async () => {
    const counter = counted();
    const [worker] = context.live(context.cluster.workers);
    worker!.signal('SIGSTOP');
    const ran = await Promise.all(
      Array.from({ length: 6 }, (_, number) =>
        context.caller(number % 2).run(`${counter.code}import time; time.sleep(0.5); print('ok')`),
      ),
    );
    expect(ran.map(({ stdout }) => stdout)).toEqual(Array(6).fill('ok\n'));
    worker!.signal('SIGCONT');
    await awhile(2 * leaseMs);
    expect(counter.count).toBe(6);
    note('worker, SIGSTOP, runs pulled and not begun, then back', '6 of 6 completed elsewhere', counter.count);
  });

  it('a cell that is sent to it meanwhile is lost or runs elsewhere, and never begins once it is back', async () => {
    const place = counted();
    const counter = counted();
    const session = await context.caller(0).openSession();
    await context.caller(0).run(`${place.code}open("kept.txt", "w").write("kept")`, session);
    await place.begun();
    const worker = context.workerOf(place);
    worker.signal('SIGSTOP');
    const begun = performance.now();
    const ran = await context
      .caller(1)
      .run(`${counter.code}import time; time.sleep(0.5); print('ran')`, session)
      .finally(() => worker.signal('SIGCONT'));
    const seconds = (performance.now() - begun) / 1000;
    await awhile(2 * leaseMs);
    const times = ran.outcome === 'completed' ? 1 : 0;
    expect(ran.outcome).toMatch(/^(completed|worker_lost)$/);
    expect(counter.count).toBe(times);
    const next = await context.caller(0).run('print(open("kept.txt").read())', session);
    expect(next).toMatchObject({ stdout: 'kept\n' });
    note(
      'worker, SIGSTOP, a cell is sent to it, then back',
      `${ran.outcome} after ${seconds.toFixed(1)} s; the next cell finds its files`,
      counter.count,
    );
  });

  it('the session it held goes on elsewhere, and its epoch is refused', async () => {
    const counter = counted();
    const [caller, other] = [context.caller(0), context.caller(1)];
    const session = await caller.openSession();
    await caller.run('open("value.txt", "w").write("first")', session);
    const late = 'import time; time.sleep(6); open("value.txt", "w").write("of the zombie")';
    const running = caller.run(`${counter.code}${late}`, session);
    await counter.begun();
    const worker = context.workerOf(counter);
    worker.signal('SIGSTOP');
    expect(await running).toMatchObject({ outcome: 'worker_lost' });
    const next = await other.run('print(open("value.txt").read()); open("value.txt", "w").write("second")', session);
    expect(next).toMatchObject({ stdout: 'first\n', state: 'restored' });
    worker.signal('SIGCONT');
    await awhile(2 * leaseMs);
    const last = await caller.run('print(open("value.txt").read())', session);
    expect(last).toMatchObject({ stdout: 'second\n', state: 'continued' });
    expect(counter.count).toBe(1);
    note(
      'worker, SIGSTOP, cell runs, then back',
      'worker_lost; session restored elsewhere; the zombie changes nothing',
      counter.count,
    );
    // It works again for others.
    const results = await Promise.all(
      Array.from({ length: 6 }, (_, number) => context.caller(number % 2).run('print(1)')),
    );
    expect(results.every(({ stdout }) => stdout === '1\n')).toBe(true);
  });
});
