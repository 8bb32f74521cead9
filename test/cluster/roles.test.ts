import { expect, it, onTestFinished } from 'vitest';
import { describeCluster } from '../support/cluster/for-file.ts';
import { RunCounter } from '../support/cluster/run-counter.ts';

/** What is broken in every other way is in `npm run test:cluster`. */
describeCluster('two gateways and two workers', { gateways: 2, workers: 2 }, (context) => {
  it('run code, keep a session, and outlive a worker that is killed while its code runs', async () => {
    const counter = new RunCounter();
    onTestFinished(() => counter.close());
    const first = context.caller(0);
    for (const caller of [first, context.caller(1)])
      expect(await caller.run('print(6 * 7)')).toMatchObject({ outcome: 'completed', stdout: '42\n' });
    const session = await first.openSession();
    await first.run('n = 1; open("kept.txt", "w").write("kept")', session);
    expect(await first.run('print(n + 1)', session)).toMatchObject({ stdout: '2\n', state: 'continued' });

    const running = first.run(`${counter.code}print('begun', flush=True)\nimport time; time.sleep(30)`, session);
    await counter.begun();
    await context.workerOf(counter).kill();
    expect(await running).toMatchObject({ status: 'done', outcome: 'worker_lost', stdout: 'begun\n' });
    const next = await first.run('print(open("kept.txt").read())', session);
    expect(next).toMatchObject({ outcome: 'completed', stdout: 'kept\n', state: 'restored' });
    expect(counter.count).toBe(1);
  });
});
