import { expect, it } from 'vitest';
import { startCluster } from '../support/cluster/cluster.ts';
import { Caller } from '../support/cluster/caller.ts';

it('runs', { timeout: 120_000 }, async () => {
  const cluster = await startCluster({ gateways: 1, workers: 2 });
  try {
    const caller = new Caller(cluster.gateways[0]!, cluster.keys[0]);
    console.log(await caller.run('print(6*7)'));
    const session = await caller.openSession();
    for (let i = 0; i < 3; i++) console.log((await caller.run(`x = globals().get("x", 0) + 1; print(x)`, session)));
    const times: number[] = [];
    for (let i = 0; i < 20; i++) { const t = performance.now(); await caller.run('print(x)', session); times.push(performance.now() - t); }
    console.log(times.map((t) => t.toFixed(1)).join(' '));
    const outs = await Promise.all(cluster.workers.map(async (w) => [w.output(), w.name]));
    void outs;
    const code = await Promise.all(cluster.workers.slice(0, 1).map((w) => w.stop()));
    console.log('stop', code);
    console.log(await caller.run('print(globals().get("x"))', session));
    await cluster.workers[1]!.kill();
    console.log(await caller.run('print(1)', session).catch(String));
  } finally {
    for (const n of [...cluster.gateways, ...cluster.workers]) console.log(n.name, n.output().slice(-2500));
    await cluster.close();
  }
});
