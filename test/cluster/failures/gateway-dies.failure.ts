import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import type { Told } from '../../support/cluster/caller.ts';
import { describeCluster, note } from '../../support/cluster/for-file.ts';
import { RunCounter } from '../../support/cluster/run-counter.ts';
import { query } from '../../support/postgres.ts';

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
    const broken = expect(running).rejects.toThrow();
    await context.live(context.cluster.gateways)[0]!.kill();
    await broken;
    // It waits for what still runs, and until the gateway is known to be dead.
    const { stdout } = await context.caller().run('import os; print(os.listdir())', session);
    expect(stdout).toContain('made.txt');
    expect(counter.count).toBe(1);
    note(
      'gateway, kill -9, client waits for JSON',
      'connection reset; the run goes on, its file is recorded',
      counter.count,
    );
  });

  it('while a run without a session goes on: nobody asks, and its file is recorded all the same', async () => {
    const counter = counted();
    const begun = (await context.caller().post(
      '/executions',
      {
        language: 'python',
        code: `${counter.code}import time; time.sleep(2); open("made.txt", "w").write("made"); print("done")`,
      },
      { prefer: 'respond-async' },
    )) as { id: string };
    await counter.begun();
    await context.live(context.cluster.gateways)[0]!.kill();
    const rows = () =>
      query(context.cluster.databaseUrl, `select name from files where set_id = '${begun.id}' and superseded is null`);
    await expect.poll(rows, { timeout: 30_000 }).toEqual([{ name: 'made.txt' }]);
    const told = await context.caller().get(`/executions/${begun.id}`);
    expect(told).toMatchObject({
      ...{ status: 'done', outcome: 'completed', stdout: 'done\n' },
      artifacts: [{ path: 'made.txt' }],
    });
    expect(counter.count).toBe(1);
    note('gateway, kill -9, nobody waits', 'the file is recorded by another gateway, once', counter.count);
  });

  it('after many runs have ended: a gateway that lives records each once, and leaves nothing to others', async () => {
    const session = await context.caller().openSession();
    for (let i = 0; i < 10; i++) await context.caller(i % 2).run(`open("f${i}.txt", "w").write("${i}")`, session);
    const waiting = async () => {
      const nats = await connect({ servers: context.cluster.nats.url, ...context.cluster.gatewayLogin });
      try {
        return (await (await jetstreamManager(nats)).streams.info('DG_DONE')).state.messages;
      } finally {
        await nats.close();
      }
    };
    await expect.poll(waiting, { timeout: 20_000 }).toBe(0);
    const files = await query(context.cluster.databaseUrl, `select name from files where set_id = '${session}'`);
    expect(files).toHaveLength(10);
    for (const { output } of context.live(context.cluster.gateways)) expect(output()).not.toContain('are lost');
  });
});
