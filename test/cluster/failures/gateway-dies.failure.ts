import { expect, it, onTestFinished } from 'vitest';
import type { Told } from '../../support/cluster/caller.ts';
import { describeCluster, note } from '../../support/cluster/for-file.ts';
import { RunCounter } from '../../support/cluster/run-counter.ts';

const lines = 40;
const body = (code: string) => ({ method: 'POST', body: JSON.stringify({ language: 'python', code }) });

describeCluster('a gateway dies', { gateways: 2, workers: 2 }, (context) => {
  const counted = () => {
    const counter = new RunCounter();
    onTestFinished(() => counter.close());
    return counter;
  };

  for (const signal of ['SIGKILL', 'SIGSTOP'] as const)
    it(`by ${signal}, while a client follows a run: it goes on by number at the other gateway, and the files are recorded`, async () => {
      const counter = counted();
      const session = await context.caller().openSession();
      const code = `${counter.code}import time
for i in range(${lines}):
    print(i, flush=True)
    time.sleep(0.1)
open('made.txt', 'w').write('made')`;
      const told: Told[] = [];
      const [gateway] = context.live(context.cluster.gateways);
      let id = '';
      let last: string | undefined;
      try {
        for await (const event of context.caller().follow(`/sessions/${session}/executions`, body(code))) {
          if (event.type === 'start') id = String(event.data.id);
          else told.push(event);
          last = event.id ?? last;
          if (told.length < 5) continue;
          gateway!.signal(signal);
          break;
        }
      } catch {
        // The connection broke.
      }
      const other = context.caller(1);
      // Until its lease is over, a gateway that stands still is asked in vain: 503 with Retry-After.
      await expect
        .poll(() => other.get(`/executions/${id}`).catch((error) => error), { timeout: 20_000 })
        .toMatchObject({ id });
      for await (const event of other.follow(`/executions/${id}`, last === undefined ? {} : { after: last }))
        told.push(event);
      const printed = told.filter(({ type }) => type === 'stdout').map(({ data }) => data.text);
      expect(printed.join('')).toBe(Array.from({ length: lines }, (_, i) => `${i}\n`).join(''));
      expect(told.at(-1)).toMatchObject({ type: 'done', data: { outcome: 'completed' } });
      expect(counter.count).toBe(1);
      await gateway!.kill();
      const next = await other.run('print(open("made.txt").read())', session);
      expect(next).toMatchObject({ stdout: 'made\n', state: 'continued' });
      note(
        `gateway, ${signal}, client follows`,
        'each event once, by number at the other gateway; files recorded',
        counter.count,
      );
    });

  it('while a client waits for JSON: its connection breaks, the run is recorded', async () => {
    const counter = counted();
    const session = await context.caller().openSession();
    const running = context
      .caller()
      .run(`${counter.code}import time; time.sleep(2); open("made.txt", "w").write("made")`, session);
    await counter.begun();
    await context.live(context.cluster.gateways)[0]!.kill();
    await expect(running).rejects.toThrow();
    await expect
      .poll(async () => (await context.caller().run('import os; print(os.listdir())', session)).stdout)
      .toContain('made.txt');
    expect(counter.count).toBe(1);
    note(
      'gateway, kill -9, client waits for JSON',
      'connection reset; the run goes on, its file is recorded',
      counter.count,
    );
  });
});
