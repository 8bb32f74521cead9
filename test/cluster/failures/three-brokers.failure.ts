import { connect, nkeyAuthenticator } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { newIdentity } from '../../../src/cluster/index.ts';
import { Refusal } from '../../support/cluster/caller.ts';
import { describeCluster, note } from '../../support/cluster/for-file.ts';
import { RunCounter } from '../../support/cluster/run-counter.ts';

const awhile = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describeCluster('one of three NATS servers, with TLS', { gateways: 2, workers: 2, natsServers: 3 }, (context) => {
  it.each([0, 1, 2])(
    'is killed under load (number %d): nothing runs twice, and all goes on without it',
    async (number) => {
      const server = context.cluster.natsServers[number]!;
      const counters = Array.from({ length: 8 }, () => new RunCounter());
      onTestFinished(() => counters.forEach((counter) => void counter.close()));
      const session = await context.caller().openSession();
      await context.caller().run('x = 41', session);
      const runs = counters.map((counter, index) =>
        context
          .caller(index % 2)
          .run(`${counter.code}import time; time.sleep(2); print('ok')`)
          .catch((error) => error as Refusal),
      );
      await counters[0]!.begun();
      await server.kill();
      const killedAt = performance.now();
      const ended = await Promise.all(runs);
      const completed = ended.filter((ran) => !(ran instanceof Error) && ran.outcome === 'completed').length;
      const lost = ended.filter((ran) => !(ran instanceof Error) && ran.outcome === 'worker_lost').length;
      const refused = ended.filter((ran) => ran instanceof Refusal && ran.status === 503).length;
      expect(completed + lost + refused, String(ended.find((ran) => ran instanceof Error))).toBe(counters.length);
      // New work, while it is away.
      let goesOnMs = 0;
      for (;;) {
        const ran = await context
          .caller(1)
          .run('print(6 * 7)')
          .catch((error) => error as Refusal);
        goesOnMs = performance.now() - killedAt;
        if (!(ran instanceof Error)) {
          expect(ran.stdout).toBe('42\n');
          break;
        }
        expect(ran.status).toBe(503);
        expect(goesOnMs).toBeLessThan(30_000);
      }
      const next = await context.caller(0).run('print(x + 1)', session);
      expect(next).toMatchObject({ stdout: '42\n', state: 'continued' });
      const most = Math.max(...counters.map(({ count }) => count));
      expect(most).toBeLessThanOrEqual(1);
      note(
        `one of three NATS servers, kill -9, 8 runs under way`,
        `${completed} completed, ${lost} worker_lost, ${refused} times 503; a new run completed ${(goesOnMs / 1000).toFixed(1)} s after the kill; idle session continued`,
        most,
      );
      await server.restart();
      await awhile(5000);
    },
  );

  it('lets nobody in without TLS, with a key it does not know, or with none', async () => {
    const { port } = context.cluster.natsServers[0]!;
    const servers = [`127.0.0.1:${port}`];
    const options = { servers, maxReconnectAttempts: 0, timeout: 3000 };
    const key = (seed: string) => nkeyAuthenticator(new TextEncoder().encode(seed));
    await expect(connect(options)).rejects.toThrow();
    // Its certificate is by an authority that this process does not know.
    await expect(connect({ ...options, tls: {} })).rejects.toThrow(/certificate|self.signed|issuer/i);
    const tls = { rejectUnauthorized: false } as object;
    await expect(connect({ ...options, tls })).rejects.toThrow(/authorization/i);
    await expect(connect({ ...options, tls, authenticator: key(newIdentity().seed) })).rejects.toThrow(
      /authorization/i,
    );
  });
});
