import { expect, it, onTestFinished } from 'vitest';
import { describeCluster } from '../support/cluster/for-file.ts';
import { RunCounter } from '../support/cluster/run-counter.ts';

const options = {
  ...{ gateways: 2, workers: 2, gatewayEnv: { DRAGOMAN_STATE_AFTER_MS: '300' } },
  workerEnv: { DRAGOMAN_METRICS_LISTEN: '127.0.0.1:0', DRAGOMAN_LOG_FORMAT: 'json' },
};

/** What is broken in every other way is in `npm run test:cluster`. */
describeCluster('two gateways and two workers', options, (context) => {
  it('run code, keep a session, and outlive a worker that is killed while its code runs', async () => {
    const counter = new RunCounter();
    onTestFinished(() => counter.close());
    const [one, two] = [context.caller(0), context.caller(1)];
    for (const caller of [one, two])
      expect(await caller.run('print(6 * 7)')).toMatchObject({ outcome: 'completed', stdout: '42\n' });
    const session = await one.openSession();
    await one.run('n = 1; open("kept.txt", "w").write("kept")', session);
    expect(await two.run('print(n + 1)', session)).toMatchObject({ stdout: '2\n', state: 'continued' });
    const saved = expect.arrayContaining([expect.objectContaining({ state: 'saved', behind: false })]);
    await expect
      .poll(() => one.get(`/sessions/${session}/state`), { timeout: 10_000, interval: 100 })
      .toMatchObject({ data: saved });

    const running = one.run(`${counter.code}print('begun', flush=True)\nimport time; time.sleep(30)`, session);
    await counter.begun();
    await context.workerOf(counter).kill();
    expect(await running).toMatchObject({ status: 'done', outcome: 'worker_lost', stdout: 'begun\n' });
    const next = await two.run('print(open("kept.txt").read(), n)', session);
    expect(next).toMatchObject({ outcome: 'completed', stdout: 'kept 1\n', state: 'restored' });
    expect(counter.count).toBe(1);

    const last = one.run('import time; time.sleep(30)', session);
    await expect.poll(() => two.post(`/sessions/${session}/interrupt`, {})).toEqual({ interrupted: true });
    expect((await last).error).toMatchObject({ name: 'KeyboardInterrupt' });
  });

  it('show what an operator needs to know of each of them', async () => {
    const [, url] = /"url":"(http:[^"]+\/metrics)"/.exec(context.live(context.cluster.workers)[0]!.output())!;
    const worker = await (await fetch(url!)).text();
    const gateway = await (await fetch(`${context.cluster.gateways[0]!.url}/metrics`)).text();
    for (const [text, ...lines] of [
      [worker, 'lease_held 1', 'lease_lapses_total 0', 'draining 0', 'nats_connected 1', 'lane_claims_lost_total 0'],
      [gateway, 'workers 2', 'workers_draining 0', 'nats_connected 1', 'endings_waiting 0', 'grants_refused_total 0'],
    ] as const)
      for (const line of lines) expect(text).toContain(`\ndragoman_${line}\n`);
    expect(worker).toMatch(/^dragoman_places [1-9]/m);
  });
});
