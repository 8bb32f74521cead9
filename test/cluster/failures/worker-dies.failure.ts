import { expect, it, onTestFinished } from 'vitest';
import type { Ran } from '../../support/cluster/caller.ts';
import { describeCluster, note } from '../../support/cluster/for-file.ts';
import { RunCounter } from '../../support/cluster/run-counter.ts';

const places = { DRAGOMAN_CONCURRENCY: '2', DRAGOMAN_POOL: '2' };

const gatewayEnv = { DRAGOMAN_QUEUE_WAIT_MS: '10000' };

describeCluster('a worker dies', { gateways: 2, workers: 2, workerEnv: places, gatewayEnv }, (context) => {
  const counted = () => {
    const counter = new RunCounter();
    onTestFinished(() => counter.close());
    return counter;
  };

  it('while it runs code without a session: the client hears worker_lost, and the code never runs again', async () => {
    const counter = counted();
    const running = context.caller().run(`${counter.code}print('begun', flush=True)\nimport time; time.sleep(30)`);
    await counter.begun();
    const began = performance.now();
    await context.workerOf(counter).kill();
    const ran = await running;
    expect(ran).toMatchObject({ status: 'done', outcome: 'worker_lost' });
    const seconds = (performance.now() - began) / 1000;
    await new Promise((resolve) => setTimeout(resolve, 6000));
    expect(counter.count).toBe(1);
    note(
      'worker, kill -9, running',
      `200 worker_lost after ${seconds.toFixed(1)} s, "${ran.stdout?.trim()}"`,
      counter.count,
    );
  });

  it('when it has got runs from the queue and begun none: each begins elsewhere, once', async () => {
    const waiting = counted();
    // It stands still, so that what the queue gives it stays between the pull and the claim.
    const [worker] = context.live(context.cluster.workers);
    worker!.signal('SIGSTOP');
    const begun = performance.now();
    const queued = Array.from({ length: 4 }, async (_, number) => {
      const ran = await context.caller(number % 2).run(`${waiting.code}import time; time.sleep(0.5); print('ok')`);
      return { ...ran, seconds: (performance.now() - begun) / 1000 };
    });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await worker!.kill();
    const ran = await Promise.all(queued);
    expect(ran.map(({ stdout }) => stdout)).toEqual(Array(4).fill('ok\n'));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(waiting.count).toBe(4);
    note(
      'worker, kill -9, runs pulled and not begun',
      `4 of 4 completed elsewhere, the last one after ${Math.max(...ran.map(({ seconds }) => seconds)).toFixed(1)} s`,
      waiting.count,
    );
  });

  it('while runs wait for it: each begins elsewhere, once', async () => {
    const first = counted();
    const waiting = counted();
    const blockers = Array.from({ length: 4 }, (_, number) =>
      context.caller(number % 2).run(`${first.code}import time; time.sleep(4)`),
    );
    await first.begun(4);
    const queued = Array.from({ length: 4 }, (_, number) =>
      context.caller(number % 2).run(`${waiting.code}import time; time.sleep(0.5); print('ok')`),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    await context.workerOf(first).kill();
    const ended = await Promise.all(blockers);
    const ran = await Promise.all(queued);
    expect(ran.map(({ stdout }) => stdout)).toEqual(Array(4).fill('ok\n'));
    expect(waiting.count).toBe(4);
    expect(first.count).toBe(4);
    const lost = ended.filter(({ outcome }) => outcome === 'worker_lost').length;
    note(
      'worker, kill -9, 4 runs wait',
      `4 of 4 waiting runs completed elsewhere; ${lost} running ones worker_lost`,
      waiting.count,
    );
  });

  it('while a cell of a session runs: worker_lost, and the next cell finds the files of the last finished one', async () => {
    const counter = counted();
    const caller = context.caller();
    const session = await caller.openSession();
    await caller.run('x = 1; open("kept.txt", "w").write("kept")', session);
    const running = caller.run(`${counter.code}import time; time.sleep(30)`, session);
    await counter.begun();
    await context.workerOf(counter).kill();
    expect(await running).toMatchObject({ outcome: 'worker_lost' });
    const next = await context.caller(1).run('print(open("kept.txt").read())', session);
    expect(next).toMatchObject({ outcome: 'completed', stdout: 'kept\n', state: 'restored' });
    expect(counter.count).toBe(1);
    note('worker, kill -9, cell runs', '200 worker_lost; next cell restored with its files', counter.count);
  });

  it('while a session is idle: nothing is seen, and the next cell is restored', async () => {
    const counter = counted();
    const caller = context.caller();
    const session = await caller.openSession();
    await caller.run(`${counter.code}open("kept.txt", "w").write("kept"); import time; time.sleep(0.3)`, session);
    const worker = context.workerOf(counter);
    await worker.kill();
    const next: Ran = await context.caller(1).run('print(open("kept.txt").read())', session);
    expect(next).toMatchObject({ outcome: 'completed', stdout: 'kept\n', state: 'restored' });
    note('worker, kill -9, session idle', 'next cell restored', counter.count);
  });

  it('and there is no other: a caller hears 503 and when to try again', async () => {
    await Promise.all(context.live(context.cluster.workers).map((worker) => worker.kill()));
    await new Promise((resolve) => setTimeout(resolve, 5000));
    for (const gateway of [0, 1]) {
      const refusal = await context
        .caller(gateway)
        .run('print(1)')
        .catch((error) => error);
      expect(refusal).toMatchObject({ status: 503 });
    }
    note('all workers, kill -9', '503 with Retry-After', 0);
  });
});
