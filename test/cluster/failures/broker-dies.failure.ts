import { expect, it, onTestFinished } from 'vitest';
import { Refusal } from '../../support/cluster/caller.ts';
import { describeCluster, note } from '../../support/cluster/for-file.ts';
import { RunCounter } from '../../support/cluster/run-counter.ts';

const awhile = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describeCluster('the NATS server', { gateways: 2, workers: 2 }, (context) => {
  it.each([1000, 8000])(
    'is killed under load and back after %d ms: nothing runs twice, and what runs goes on',
    async (downMs) => {
      const counters = Array.from({ length: 12 }, () => new RunCounter());
      onTestFinished(() => counters.forEach((counter) => void counter.close()));
      const session = await context.caller().openSession();
      await context.caller().run('x = 41', session);
      const busy = await Promise.all([0, 1].map((gateway) => context.caller(gateway).openSession()));
      for (const [gateway, id] of busy.entries()) await context.caller(gateway).run('x = 1', id);
      // The last two are cells of sessions that make a file.
      const code = "import time; time.sleep(2.5); open('made.txt', 'w').write('made'); print('ok')";
      const runs = counters.map((counter, number) =>
        context
          .caller(number % 2)
          .run(`${counter.code}${code}`, busy[number - 10])
          .catch((error) => error as Refusal),
      );
      await counters[0]!.begun();
      await context.cluster.nats.kill();
      await awhile(downMs);
      await context.cluster.nats.restart();
      const ended = await Promise.all(runs);
      const completed = ended.filter((ran) => !(ran instanceof Error) && ran.outcome === 'completed').length;
      const lost = ended.filter((ran) => !(ran instanceof Error) && ran.outcome === 'worker_lost').length;
      const refused = ended.filter((ran) => ran instanceof Refusal && ran.status === 503).length;
      const others = ended.flatMap((ran, number) =>
        ran instanceof Error && !(ran instanceof Refusal)
          ? [`${number} (began ${counters[number]!.count}): ${ran}`]
          : [],
      );
      expect(others).toEqual([]);
      expect(completed + lost + refused).toBe(counters.length);
      expect(Math.max(...counters.map(({ count }) => count))).toBeLessThanOrEqual(1);
      if (downMs < 2000) expect(completed).toBe(counters.length);
      for (const [gateway, id] of busy.entries()) {
        const after = await context.caller(1 - gateway).run('import os; print(os.path.exists("made.txt"))', id);
        const cell = ended[10 + gateway]!;
        const isDone = !(cell instanceof Error) && cell.outcome === 'completed';
        if (isDone) expect(after).toMatchObject({ stdout: 'True\n', state: 'continued' });
        else expect(after.outcome).toBe('completed');
      }
      // A session that was idle is still where it was.
      const next = await context.caller().run('print(x + 1)', session);
      expect(next).toMatchObject({ stdout: '42\n', state: 'continued' });
      const most = Math.max(...counters.map(({ count }) => count));
      note(
        `NATS, kill -9 for ${downMs / 1000} s, 10 runs and 2 cells`,
        `${completed} completed, ${lost} worker_lost, ${refused} times 503; idle session continued`,
        most,
      );
    },
  );
});
