import { expect, it, onTestFinished } from 'vitest';
import type { Caller } from '../../support/cluster/caller.ts';
import { describeCluster, note } from '../../support/cluster/for-file.ts';
import { RunCounter } from '../../support/cluster/run-counter.ts';

const counted = () => {
  const counter = new RunCounter();
  onTestFinished(() => counter.close());
  return counter;
};

interface Saved {
  readonly kernel: string;
  readonly state: 'live' | 'saved';
  readonly saved_at: string | null;
  readonly behind: boolean;
}

/** What is saved of a session, without what its kernels hold now. */
const savedOf = async (caller: Caller, session: string) =>
  ((await caller.get(`/sessions/${session}/state`)) as { data: Saved[] }).data.filter(({ state }) => state === 'saved');

const untilSaved = (caller: Caller, session: string) =>
  expect
    .poll(() => savedOf(caller, session), { timeout: 30_000, interval: 200 })
    .toMatchObject([{ kernel: 'python', behind: false, saved_at: expect.any(String) }]);

describeCluster(
  'variables of a session that is idle for a moment',
  { gateways: 2, workers: 2, gatewayEnv: { DRAGOMAN_STATE_AFTER_MS: '500' } },
  (context) => {
    it('are saved behind, and come back at another worker when the first one ends or is killed, whichever gateway asks', async () => {
      for (const how of ['stop', 'kill'] as const) {
        const counter = counted();
        const [one, two] = [context.caller(0), context.caller(1)];
        const session = await one.openSession();
        await one.run(`${counter.code}x = [1]\ny = x\ngen = (i for i in x)`, session);
        await counter.begun();
        await untilSaved(two, session);
        await context.workerOf(counter)[how]();
        const next = await two.run('x.append(2); print(y is x, y)', session);
        expect(next).toMatchObject({ outcome: 'completed', stdout: 'True [1, 2]\n', state: 'restored' });
        expect(next.restored).toMatchObject({
          behind: false,
          reason: null,
          lost: [{ name: 'gen', type: 'generator' }],
        });
        expect(await one.run('print(y)', session)).toMatchObject({ stdout: '[1, 2]\n', state: 'continued' });
        note(
          `worker, ${how === 'stop' ? 'SIGTERM' : 'kill -9'}, variables saved`,
          'next cell at the other gateway restored, with its variables; what cannot be kept is named',
          1,
        );
        await context.heal();
      }
    });

    it('come back as they were last saved when the worker is killed later, and the answer says so', async () => {
      const counter = counted();
      const [one, two] = [context.caller(0), context.caller(1)];
      const session = await one.openSession();
      await one.run(`${counter.code}x = 1`, session);
      await counter.begun();
      await untilSaved(one, session);
      await two.run('x = 2', session);
      await context.workerOf(counter).kill();
      const next = await one.run('print(x)', session);
      expect(next).toMatchObject({ stdout: '1\n', state: 'restored', restored: { behind: true } });
      note('worker, kill -9, code ran after variables were saved', 'restored as last saved; `behind` says so', 1);
    });

    it('go with a fork through the other gateway, and both go their own ways', async () => {
      const [one, two] = [context.caller(0), context.caller(1)];
      const session = await one.openSession();
      await one.run('x = [1]', session);
      const fork = (await two.post(`/sessions/${session}/fork`, {})) as { id: string; variables: string };
      expect(fork.variables).toBe('variables');
      const theirs = await two.run('x.append(2); print(x)', fork.id);
      expect(theirs).toMatchObject({ stdout: '[1, 2]\n', state: 'restored' });
      expect(await one.run('x.append(3); print(x)', session)).toMatchObject({ stdout: '[1, 3]\n', state: 'continued' });
    });

    it('are discarded by a restart through either gateway', async () => {
      const [one, two] = [context.caller(0), context.caller(1)];
      const session = await one.openSession();
      await one.run('x = 1', session);
      await untilSaved(one, session);
      await two.post(`/sessions/${session}/restart`, {});
      for (const caller of [one, two]) expect(await savedOf(caller, session)).toEqual([]);
      const next = await one.run('print("x" in dir())', session);
      expect(next).toMatchObject({ stdout: 'False\n', restored: null });
    });
  },
);

describeCluster(
  'variables that were not saved when their worker is asked to end',
  { gateways: 2, workers: 2, workerEnv: { DRAGOMAN_DRAIN_MS: '60000' } },
  (context) => {
    it('are saved then: of idle sessions of both gateways, and of one whose cell ends later', async () => {
      const counter = counted();
      const busy = await context.caller(0).openSession();
      const running = context.caller(0).run(`${counter.code}import time; time.sleep(25); x = 41`, busy);
      await counter.begun();
      const worker = context.workerOf(counter);
      // Where a session is placed is chance.
      const sessions: { id: string; gateway: number; isThere: boolean }[] = [];
      for (let number = 0; number < 20; number++) {
        const gateway = number % 2;
        const own = counted();
        const id = await context.caller(gateway).openSession();
        await context.caller(gateway).run(`${own.code}x = ${number}`, id);
        await own.begun();
        sessions.push({ id, gateway, isThere: context.workerOf(own) === worker });
        if ([0, 1].every((each) => sessions.some((session) => session.isThere && session.gateway === each))) break;
      }
      expect(await worker.stop()).toBe(0);
      expect(await running).toMatchObject({ outcome: 'completed' });
      expect(await context.caller(1).run('print(x + 1)', busy)).toMatchObject({ stdout: '42\n', state: 'restored' });
      for (const [number, { id, gateway, isThere }] of sessions.entries())
        expect(await context.caller(1 - gateway).run('print(x)', id)).toMatchObject({
          stdout: `${number}\n`,
          state: isThere ? 'restored' : 'continued',
        });
      const there = sessions.filter(({ isThere }) => isThere).length;
      note(
        'worker, SIGTERM, variables not saved yet',
        `saved before it ends: of ${there} idle sessions of two gateways, and of one whose cell went on`,
        1,
      );
    });
  },
);
