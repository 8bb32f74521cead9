import { expect, it, onTestFinished } from 'vitest';
import { describeCluster, note } from '../../support/cluster/for-file.ts';
import { RunCounter } from '../../support/cluster/run-counter.ts';

const printed = (events: readonly { readonly type: string; readonly data: Record<string, unknown> }[]) =>
  events.flatMap(({ type, data }) => (type === 'stdout' ? [data.text] : [])).join('');

describeCluster(
  'what runs in a session is reached through the other gateway',
  { gateways: 2, workers: 2 },
  (context) => {
    const counted = () => {
      const counter = new RunCounter();
      onTestFinished(() => counter.close());
      return counter;
    };

    it('a cell is interrupted there, and the session keeps its variables', async () => {
      const counter = counted();
      const [one, two] = [context.caller(0), context.caller(1)];
      const session = await one.openSession();
      expect(await two.post(`/sessions/${session}/interrupt`, {})).toEqual({ interrupted: false });
      const running = one.run(`${counter.code}x = 1\nimport time; time.sleep(60)`, session);
      await counter.begun();
      expect(await two.post(`/sessions/${session}/interrupt`, {})).toEqual({ interrupted: true });
      expect((await running).error).toMatchObject({ name: 'KeyboardInterrupt' });
      expect(await two.run('print(x)', session)).toMatchObject({ stdout: '1\n', state: 'continued' });
      note('a cell interrupted at the other gateway', 'KeyboardInterrupt; variables kept', counter.count);
    });

    it('a cell is cancelled there, and one that waits behind it', async () => {
      const counter = counted();
      const [one, two] = [context.caller(0), context.caller(1)];
      const session = await one.openSession();
      const path = `/sessions/${session}/executions`;
      const begin = async (code: string) =>
        ((await one.post(path, { language: 'python', code }, { prefer: 'respond-async' })) as { id: string }).id;
      const running = await begin(`${counter.code}import time; time.sleep(60)`);
      await counter.begun();
      const waiting = await begin(`${counter.code}`);
      for (const id of [waiting, running]) await two.post(`/executions/${id}/cancel`, {});
      for (const id of [waiting, running])
        await expect
          .poll(() => two.get(`/executions/${id}`).catch(String), { timeout: 20_000 })
          .not.toMatchObject({
            status: expect.stringMatching(/queued|running/),
          });
      expect(await two.run('print(1)', session)).toMatchObject({ stdout: '1\n' });
      expect(counter.count).toBe(1);
      note(
        'a cell and one that waits, cancelled at the other gateway',
        'both ended; the second never began',
        counter.count,
      );
    });

    it('a command is listed, given input, signalled and read there', async () => {
      const [one, two] = [context.caller(0), context.caller(1)];
      const session = await one.openSession();
      await one.run('x = 1', session);
      const commands = `/sessions/${session}/commands`;
      const started = (await one.post(commands, {
        argv: ['/bin/bash', '-c', 'echo ready; while read line; do echo "got $line"; done; sleep 60'],
        stdin: true,
      })) as { id: string };
      expect(await two.get(commands)).toMatchObject({ data: [{ id: started.id }] });
      await two.post(`${commands}/${started.id}/stdin`, { a: 1 });
      await one.post(`${commands}/${started.id}/stdin?close=true`, { b: 2 });
      // The turn of the session is the other gateway's by now.
      expect(await two.run('print(x)', session)).toMatchObject({ stdout: '1\n', state: 'continued' });
      expect(await two.post(`${commands}/${started.id}/signal`, { signal: 'SIGTERM' })).toEqual({ signalled: true });
      const told = await Array.fromAsync(two.follow(`${commands}/${started.id}`));
      expect(printed(told)).toContain('ready\n');
      expect(told.find(({ type }) => type === 'ended')?.data).toMatchObject({ reason: 'killed', signal: 'SIGTERM' });
      note('a command of a session at the other gateway', 'listed, given input, signalled, read', 1);
    });

    it('a command that outlives its gateway goes on, and is read and ended through the other one', async () => {
      const session = await context.caller(0).openSession();
      const commands = `/sessions/${session}/commands`;
      const started = (await context.caller(0).post(commands, {
        argv: ['/bin/bash', '-c', 'for i in $(seq 60); do echo $i; sleep 0.5; done'],
      })) as { id: string };
      await context.live(context.cluster.gateways)[0]!.kill();
      const two = context.caller(0);
      const told = [];
      for await (const event of two.follow(`${commands}/${started.id}`)) {
        told.push(event);
        if (printed(told).includes('4\n')) break;
      }
      expect(printed(told)).toContain('1\n2\n3\n4\n');
      expect(await two.post(`${commands}/${started.id}/signal`, { signal: 'SIGKILL' })).toEqual({ signalled: true });
      await expect
        .poll(() => two.get(`${commands}/${started.id}`), { timeout: 10_000 })
        .toMatchObject({ state: 'ended', end: { signal: 'SIGKILL' } });
      note('gateway, kill -9, a command of it runs', 'goes on; read and ended through the other gateway', 1);
    });

    for (const signal of ['SIGKILL', 'SIGSTOP'] as const)
      it(`a cell whose gateway got ${signal} is interrupted there, and the next one finds its variables`, async () => {
        const counter = counted();
        const session = await context.caller(0).openSession();
        const running = context
          .caller(0)
          .run(`${counter.code}x = 1\nimport time; time.sleep(60)`, session)
          .catch((error) => error);
        await counter.begun();
        const [gateway] = context.live(context.cluster.gateways);
        gateway!.signal(signal);
        await expect.poll(() => context.live(context.cluster.gateways).length).toBe(signal === 'SIGKILL' ? 1 : 2);
        const two = context.caller(signal === 'SIGKILL' ? 0 : 1);
        const begun = performance.now();
        expect(await two.post(`/sessions/${session}/interrupt`, {})).toEqual({ interrupted: true });
        const seconds = (performance.now() - begun) / 1000;
        expect(await two.run('print(x)', session)).toMatchObject({ stdout: '1\n', state: 'continued' });
        if (signal === 'SIGSTOP') gateway!.signal('SIGCONT');
        await running;
        note(
          `gateway, ${signal}, a cell of it runs`,
          `interrupted at the other gateway after ${seconds.toFixed(1)} s; variables kept`,
          counter.count,
        );
        await gateway!.kill();
        await context.heal();
      });
  },
);
