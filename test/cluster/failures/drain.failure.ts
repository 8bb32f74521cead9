import { expect, it, onTestFinished } from 'vitest';
import { describeCluster, note } from '../../support/cluster/for-file.ts';
import { RunCounter } from '../../support/cluster/run-counter.ts';

const awhile = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describeCluster('a worker is asked to end', { gateways: 2, workers: 2 }, (context) => {
  it('under load: no request fails, and sessions open elsewhere with their files and variables', async () => {
    const sessions: { id: string; counter: RunCounter }[] = [];
    for (let number = 0; number < 4; number++) {
      const counter = new RunCounter();
      onTestFinished(() => counter.close());
      const id = await context.caller().openSession();
      await context.caller().run(`${counter.code}n = 0; open("n.txt", "w").write("0")`, id);
      await counter.begun();
      sessions.push({ id, counter });
    }
    // Where sessions are placed is chance: this one holds at least the first.
    const worker = context.workerOf(sessions[0]!.counter);
    const moving = sessions.filter(({ counter }) => counter.isBelow(worker.pid)).length;
    let isOver = false;
    let ended = 0;
    const failed: string[] = [];
    const states = new Map<string, number>();
    const repeat = async (work: (turn: number) => Promise<{ outcome?: string; state?: string; stdout?: string }>) => {
      for (let turn = 0; !isOver; turn++) {
        try {
          const ran = await work(turn);
          if (ran.outcome !== 'completed' || ran.stdout !== 'True\n') failed.push(JSON.stringify(ran));
          if (ran.state !== undefined) states.set(ran.state, (states.get(ran.state) ?? 0) + 1);
        } catch (error) {
          failed.push(String(error));
        }
        ended++;
      }
    };
    const cell = 'n += 1; m = int(open("n.txt").read()) + 1; open("n.txt", "w").write(str(m)); print(n == m)';
    const load = [
      // Two through one gateway each, two through both in turn.
      ...sessions.map(({ id }, number) =>
        repeat((turn) => context.caller((number < 2 ? number : turn) % 2).run(cell, id)),
      ),
      ...[0, 1].map((gateway) =>
        repeat(() => context.caller(gateway, 1).run('import time; time.sleep(0.3); print(True)')),
      ),
    ];
    await awhile(3000);
    const before = ended;
    const begun = performance.now();
    const code = await worker.stop();
    const seconds = (performance.now() - begun) / 1000;
    await awhile(3000);
    isOver = true;
    await Promise.all(load);
    const unsaved = context.cluster.gateways.flatMap((gateway) =>
      gateway
        .output()
        .split('\n')
        .filter((line) => line.includes('variables were not saved')),
    );
    expect([...failed, ...unsaved]).toEqual([]);
    expect(code).toBe(0);
    expect(before).toBeGreaterThan(4);
    expect(states.get('restored') ?? 0).toBe(moving);
    note(
      'worker, SIGTERM under load',
      `${ended} of ${ended} completed; ended after ${seconds.toFixed(1)} s; ${moving} sessions restored with files and variables`,
      1,
    );
  });
});
