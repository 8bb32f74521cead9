import { expect, it } from 'vitest';
import { describeCluster, note } from '../../support/cluster/for-file.ts';

describeCluster('a worker is asked to end', { gateways: 2, workers: 2 }, (context) => {
  it('under load: no request fails, and sessions open elsewhere with their files', async () => {
    const sessions = await Promise.all(Array.from({ length: 4 }, () => context.caller().openSession()));
    for (const session of sessions) await context.caller().run('n = 0; open("n.txt", "w").write("0")', session);
    let isOver = false;
    let ended = 0;
    const failed: string[] = [];
    const states = new Map<string, number>();
    const repeat = async (work: () => Promise<{ outcome?: string; state?: string }>) => {
      while (!isOver) {
        try {
          const { outcome, state } = await work();
          if (outcome !== 'completed') failed.push(String(outcome));
          if (state !== undefined) states.set(state, (states.get(state) ?? 0) + 1);
        } catch (error) {
          failed.push(String(error));
        }
        ended++;
      }
    };
    const cell = 'n = int(open("n.txt").read()) + 1; open("n.txt", "w").write(str(n)); print(n)';
    const load = [
      ...sessions.map((session, number) => repeat(() => context.caller(number % 2).run(cell, session))),
      ...[0, 1].map((gateway) =>
        repeat(() => context.caller(gateway, 1).run('import time; time.sleep(0.3); print("ok")')),
      ),
    ];
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const before = ended;
    const [worker] = context.live(context.cluster.workers);
    const begun = performance.now();
    const code = await worker!.stop();
    const seconds = (performance.now() - begun) / 1000;
    await new Promise((resolve) => setTimeout(resolve, 3000));
    isOver = true;
    await Promise.all(load);
    expect(failed).toEqual([]);
    expect(code).toBe(0);
    expect(before).toBeGreaterThan(4);
    expect(states.get('restored') ?? 0).toBeGreaterThan(0);
    note(
      'worker, SIGTERM under load',
      `${ended} of ${ended} completed; ended after ${seconds.toFixed(1)} s; ${states.get('restored')} cells restored`,
      1,
    );
  });
});
