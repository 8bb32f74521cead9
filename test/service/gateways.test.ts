import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Round } from '../../src/service/index.ts';
import { eventually } from '../support/eventually.ts';
import { twoGateways } from '../support/gateways.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import type { ScriptedJob } from '../support/scripted-runner.ts';
import { ann, bob } from '../support/sessions.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres?.close());

const refused = (code: string) => expect.objectContaining({ code });
/** Writes a file of the code's name; `hold` waits until it is cancelled, interrupted or let go. */
const held = new Map<string, () => void>();
const script = async (job: ScriptedJob) => {
  const { code } = job.job;
  if (code.startsWith('hold')) {
    const { promise, resolve } = Promise.withResolvers<void>();
    held.set(code, resolve);
    job.signal.addEventListener('abort', () => resolve(), { once: true });
    await Promise.race([promise, job.interrupted]);
  }
  if (code !== '') job.write(code, code);
  return undefined;
};
const gateways = async (options = {}) => twoGateways(await postgres.newSchema(), script, options);
const begun = (code: string) => eventually(async () => expect(held.has(code)).toBe(true));
const paths = (files: readonly { readonly name: string }[]) => files.map(({ name }) => name);

describe('a session of two gateways', () => {
  it('loses no file and no variable, whichever gateway its cells come through', async () => {
    const { one, two, runner } = await gateways();
    const { id } = await one.sessions.create(ann, {});
    const continuities: string[] = [];
    for (const [index, gateway] of [one, two, two, one, two, one].entries())
      continuities.push((await gateway.run(id, `file-${index}`)).continuity);
    expect(continuities).toEqual(['fresh', ...Array(5).fill('continued')]);
    expect(paths(await one.sessions.files(ann, id))).toEqual([0, 1, 2, 3, 4, 5].map((n) => `file-${n}`));
    expect(paths(await two.sessions.files(ann, id))).toEqual(paths(await one.sessions.files(ann, id)));
    expect(runner.submitted.map(({ inputs }) => inputs.length)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('asks no other gateway and writes no turn for cells of one gateway', async () => {
    const { one } = await gateways();
    const { id } = await one.sessions.create(ann, {});
    for (const code of ['a', 'b', 'c']) await one.run(id, code);
    expect(await one.records.sessions.find(id)).toMatchObject({ holder: 'gateway-1', turn: 0 });
  });

  it('takes cells of both gateways at once, one after the other, and keeps the files of all', async () => {
    const { one, two } = await gateways({ queueWaitMs: 20_000 });
    const { id } = await one.sessions.create(ann, {});
    const cells = Array.from({ length: 20 }, (_, index) => (index % 2 ? one : two).run(id, `file-${index}`));
    expect((await Promise.all(cells)).flatMap(({ lost }) => lost)).toEqual([]);
    expect(await two.sessions.files(ann, id)).toHaveLength(20);
  });

  it('is busy for a gateway while another one runs something in it for too long', async () => {
    const { one, two } = await gateways({ queueWaitMs: 1000 });
    const { id } = await one.sessions.create(ann, {});
    const running = one.run(id, 'hold-busy');
    await begun('hold-busy');
    expect(await two.sessions.get(ann, id)).toMatchObject({ busy: true, state: 'live' });
    await expect(two.run(id, 'b')).rejects.toEqual(refused('session_busy'));
    held.get('hold-busy')!();
    await running;
    expect(await two.run(id, 'b')).toMatchObject({ continuity: 'continued' });
    expect(await one.sessions.get(ann, id)).toMatchObject({ busy: false });
  });

  it('is interrupted, restarted and deleted through the gateway that does not run its code', async () => {
    const { one, two } = await gateways();
    const { id } = await one.sessions.create(ann, {});
    const interrupted = one.run(id, 'hold-interrupt');
    await begun('hold-interrupt');
    expect(await two.sessions.interrupt(ann, id)).toBe(true);
    await interrupted;
    const restarted = one.run(id, 'hold-restart');
    await begun('hold-restart');
    await two.sessions.restart(ann, id);
    expect((await restarted).result.outcome).toBe('cancelled');
    expect((await one.run(id, 'after')).continuity).toBe('restored');
    const deleted = one.run(id, 'hold-delete');
    deleted.catch(() => {});
    await begun('hold-delete');
    await two.sessions.delete(ann, id);
    await expect(deleted).rejects.toEqual(refused('cancelled'));
    await expect(one.sessions.get(ann, id)).rejects.toEqual(refused('not_found'));
  });

  it('is changed through both gateways at once, and keeps what each has changed', async () => {
    const { one, two } = await gateways();
    const { id } = await one.sessions.create(ann, {});
    const running = one.run(id, 'hold-change');
    await begun('hold-change');
    await two.sessions.update(ann, id, { name: 'renamed', metadata: { a: 'b' } });
    const kernel = await two.kernels.create(ann, id, { language: 'python' });
    held.get('hold-change')!();
    await running;
    await one.sessions.update(ann, id, { idleMs: 5000 });
    for (const gateway of [one, two]) {
      expect(await gateway.sessions.get(ann, id)).toMatchObject({
        ...{ name: 'renamed', metadata: { a: 'b' }, idleMs: 5000 },
      });
      expect((await gateway.kernels.list(ann, id)).map((each) => each.id)).toEqual(['python', kernel.id]);
    }
  });

  it('goes on elsewhere when its gateway dies, once the cell of the dead one has ended', async () => {
    const { one, two } = await gateways();
    const { id } = await one.sessions.create(ann, {});
    await one.run(id, 'first');
    void one.run(id, 'hold-dead').catch(() => {});
    await begun('hold-dead');
    one.set('dead');
    let isOver = false;
    const next = two.run(id, 'next').finally(() => {
      isOver = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(isOver).toBe(false);
    held.get('hold-dead')!();
    expect((await next).continuity).toBe('continued');
    expect(paths(await two.sessions.files(ann, id))).toEqual(expect.arrayContaining(['first', 'next']));
  });

  it.each(['dead', 'frozen'] as const)(
    'is interrupted and restarted through the other gateway while its own is %s',
    async (state) => {
      const { one, two } = await gateways();
      const { id } = await one.sessions.create(ann, {});
      const left = [one.run(id, `hold-left-${state}`)];
      await begun(`hold-left-${state}`);
      one.set(state);
      expect(await two.sessions.interrupt(ann, id)).toBe(true);
      await left[0];
      one.set('lives');
      left.push(one.run(id, `hold-left-again-${state}`));
      await begun(`hold-left-again-${state}`);
      one.set('dead');
      await two.sessions.restart(ann, id);
      expect((await left[1])!.result.outcome).toBe('cancelled');
      expect(await two.sessions.interrupt(ann, id)).toBe(false);
    },
  );

  it('waits for variables that are being saved before it moves to another worker, and has those saved that a dead gateway left', async () => {
    const { one, two, runner } = await gateways();
    const saves: { readonly worker: string; readonly again: boolean }[] = [];
    const saving = Promise.withResolvers<void>();
    runner.saveStates = async ({ worker }, { again = false }) => {
      saves.push({ worker, again });
      if (saves.length === 1) await saving.promise;
      return [];
    };
    const { id } = await one.sessions.create(ann, {});
    await one.run(id, 'first');
    const saved = one.states.save(ann, id);
    await eventually(async () => expect(saves).toHaveLength(1));
    runner.worker = 'worker-2';
    let isOver = false;
    const next = two.run(id, 'second').finally(() => {
      isOver = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(isOver).toBe(false);
    saving.resolve();
    await Promise.all([saved, next]);
    two.set('dead');
    runner.worker = 'worker-3';
    await one.run(id, 'third');
    // The second time because what the first one came to is not recorded.
    expect(saves).toEqual([
      { worker: 'worker-1', again: false },
      { worker: 'worker-1', again: true },
      { worker: 'worker-2', again: true },
    ]);
  });

  it('refuses what a gateway that stood still does in a turn that is over', async () => {
    const { one, two, runner } = await gateways();
    const { id } = await one.sessions.create(ann, {});
    await one.run(id, 'first');
    // It does not know that it was taken for dead.
    one.set('dead');
    await two.run(id, 'second');
    one.set('frozen');
    const stale = await one.run(id, 'stale').catch((error) => error as { code: string });
    expect(stale).toMatchObject({ code: 'conflict' });
    expect(paths(await two.sessions.files(ann, id))).toEqual(['first', 'second']);
    expect((await two.run(id, 'third')).continuity).toBe('continued');
    expect(runner.submitted.at(-1)!.inputs.map(({ path }) => path)).toEqual(['first', 'second']);
  });

  it('takes files that come through the other gateway, and is another’s through neither', async () => {
    const { one, two } = await gateways();
    const { id } = await one.sessions.create(ann, {});
    await one.run(id, 'made');
    const content = (async function* () {
      yield Buffer.from('put');
    })();
    await two.sessions.putFile(ann, id, { name: 'put', contentType: '', content });
    await one.sessions.removeFile(ann, id, 'made');
    expect(paths(await two.sessions.files(ann, id))).toEqual(['put']);
    for (const gateway of [one, two]) {
      await expect(gateway.sessions.files(bob, id)).rejects.toEqual(refused('not_found'));
      await expect(gateway.sessions.interrupt(bob, id)).rejects.toEqual(refused('not_found'));
    }
  });
});

describe('an execution of two gateways', () => {
  it('is followed, waited for and cancelled through the gateway that did not begin it', async () => {
    const { one, two } = await gateways();
    const { id } = await one.sessions.create(ann, {});
    const begun1 = await one.executions.start(ann, { sessionId: id, language: 'python', code: 'hold-follow' });
    await begun('hold-follow');
    const found = await two.executions.find(ann, begun1.id);
    expect(found).toMatchObject({ id: begun1.id, sessionId: id, language: 'python', status: 'running', pending: [] });
    await expect(two.executions.find(bob, begun1.id)).rejects.toEqual(refused('not_found'));
    held.get('hold-follow')!();
    expect(await found.done).toMatchObject({ id: begun1.id, files: [{ change: 'created' }] });
    const again = await two.executions.find(ann, begun1.id);
    expect(again.status).toBe('done');
    const other = await one.executions.start(ann, { language: 'python', code: 'hold-cancel' });
    await begun('hold-cancel');
    (await two.executions.find(ann, other.id)).cancel();
    expect((await other.done).result.outcome).toBe('cancelled');
  });

  it('gets the answers to its tool calls through either gateway, and is read by number through the other', async () => {
    const calling = async (job: ScriptedJob) => {
      job.print('before');
      const [result] = await job.call([{ id: 'call-1', name: 'add', input: {} }]);
      job.print(JSON.stringify(result));
      return undefined;
    };
    const { one, two } = await twoGateways(await postgres.newSchema(), calling);
    const tools = [{ name: 'add', description: '', parameters: { type: 'object' as const } }] as never;
    const started = await one.executions.start(ann, { language: 'python', code: 'x', tools });
    await eventually(async () => expect(started.status).toBe('waiting'));
    const found = await two.executions.find(ann, started.id);
    expect(found).toMatchObject({ status: 'waiting', last: 2, pending: [{ id: 'call-1' }] });
    const wrong = found.answer([{ id: 'call-2', value: 1 } as never]);
    await expect(wrong).rejects.toEqual(refused('invalid_request'));
    await found.answer([{ id: 'call-1', value: 3 } as never]);
    expect(found).toMatchObject({ pending: [], status: 'running' });
    const rest = await Array.fromAsync(found.events(2));
    expect(rest.map(({ number, event }) => [number, event.type])).toEqual([[3, 'stdout']]);
    expect((await found.done).result.outcome).toBe('completed');
    expect(found.status).toBe('done');
  });

  it('runs on when its gateway dies, and is answered and read through another one', async () => {
    const { one, two } = await twoGateways(await postgres.newSchema(), async (job) => {
      await job.call([{ id: 'call-1', name: 'add', input: {} }]);
      job.print('after');
      return undefined;
    });
    const tools = [{ name: 'add', description: '', parameters: { type: 'object' as const } }] as never;
    const started = await one.executions.start(ann, { language: 'python', code: 'x', tools });
    await eventually(async () => expect(started.status).toBe('waiting'));
    one.set('dead');
    const found = await two.executions.find(ann, started.id);
    expect(found).toMatchObject({ status: 'waiting', pending: [{ id: 'call-1' }] });
    await found.answer([{ id: 'call-1', value: 3 } as never]);
    expect(await Array.fromAsync(found.events(1))).toMatchObject([{ number: 2, event: { type: 'stdout' } }]);
    expect((await found.done).result.outcome).toBe('completed');
  });
});

describe('rounds of tool calls through two gateways', () => {
  const call = (id: string) => ({ id, name: 'ask', input: {} });
  const asking = async (job: ScriptedJob) => {
    job.print('so far ');
    const first = await job.call([call('c1'), call('c2')]);
    job.print('then ');
    const second = await job.call([call('c3')]);
    job.print(JSON.stringify([...first, ...second].map((result) => result && 'value' in result && result.value)));
    return undefined;
  };
  const both = [
    { id: 'c1', value: 1 },
    { id: 'c2', value: 2 },
  ];
  const third = [{ id: 'c3', value: 3 }];
  const request = { language: 'python', code: 'x', asProgram: true, tools: [{ name: 'ask' }], notes: { a: 'b' } };
  const open = () => ({ signal: new AbortController().signal });
  const refOf = (round: Round) => (round as Extract<Round, { type: 'calls' }>).ref;
  const asked = async () => {
    const pair = await twoGateways(await postgres.newSchema(), asking);
    return { ...pair, first: await pair.one.toolRounds.start(ann, request, open()) };
  };

  it('lead to the next round and to the end at either gateway, again for the same answers and to none for others', async () => {
    const { one, two, first } = await asked();
    const second = await two.toolRounds.resume(ann, refOf(first), both, open());
    expect(second).toMatchObject({ ref: { round: 2 }, calls: [call('c3')], shown: 'so far then ' });
    expect(await two.toolRounds.resume(ann, refOf(first), both, open())).toEqual(second);
    const other = [{ id: 'c1', value: 'other' }];
    await expect(two.toolRounds.resume(ann, refOf(first), other, open())).rejects.toEqual(refused('conflict'));
    for (const stranger of [bob, { ...ann, authContext: 'x' }])
      await expect(two.toolRounds.resume(stranger, refOf(first), both, open())).rejects.toEqual(refused('not_found'));
    const last = await two.toolRounds.resume(ann, refOf(second), third, open());
    expect(last).toMatchObject({ type: 'ended', notes: { a: 'b' } });
    expect(await one.toolRounds.resume(ann, refOf(second), third, open())).toMatchObject({ type: 'ended' });
    expect(await two.toolRounds.resume(ann, refOf(second), third, open())).toMatchObject({ type: 'ended' });
  });

  it('go on where the gateway of the program has died, with all that it has shown', async () => {
    const { one, two, first } = await asked();
    one.set('dead');
    const second = await two.toolRounds.resume(ann, refOf(first), both, open());
    expect(second).toMatchObject({ ref: { round: 2, worker: refOf(first).worker }, shown: 'so far then ' });
    await expect(two.toolRounds.resume({ ...ann, authContext: 'x' }, refOf(second), third, open())).rejects.toEqual(
      refused('not_found'),
    );
    const last = await two.toolRounds.resume(ann, refOf(second), third, open());
    expect(last).toMatchObject({ type: 'ended', notes: { a: 'b' }, execution: { result: { outcome: 'completed' } } });
    expect(await two.toolRounds.resume(ann, refOf(second), third, open())).toMatchObject({ type: 'ended' });
  });

  it('end with the request that waits at the other gateway', async () => {
    const { one, two, first } = await asked();
    const gone = new AbortController();
    const waiting = two.toolRounds.resume(ann, refOf(first), [both[0]!], { signal: gone.signal });
    const execution = await one.executions.find(ann, refOf(first).executionId);
    await eventually(async () => expect(execution.pending).toHaveLength(1));
    gone.abort();
    await expect(waiting).rejects.toEqual(refused('cancelled'));
    expect((await execution.done).result.outcome).toBe('cancelled');
  });

  it('are cancelled through either gateway, by the name of a request or by the execution', async () => {
    const { one, two } = await asked();
    const named = one.namedRequests.begin(ann, 'r');
    const first = await one.toolRounds.start(ann, request, { ...open(), named });
    named.end();
    await expect(two.namedRequests.cancel(bob, 'r')).rejects.toEqual(refused('not_found'));
    expect(await two.namedRequests.cancel(ann, 'r')).toBe(true);
    expect(await two.namedRequests.cancel(ann, 'r')).toBe(false);
    const execution = await one.executions.find(ann, refOf(first).executionId);
    expect((await execution.done).result.outcome).toBe('cancelled');

    const other = await one.toolRounds.start(ann, request, open());
    const again = two.namedRequests.begin(ann, 's');
    const next = await two.toolRounds.resume(ann, refOf(other), both, { ...open(), named: again });
    again.end();
    expect(next).toMatchObject({ ref: { round: 2 } });
    expect(await two.namedRequests.cancel(ann, 's')).toBe(true);
    expect((await (await one.executions.find(ann, refOf(other).executionId)).done).result.outcome).toBe('cancelled');

    const last = await one.toolRounds.start(ann, request, open());
    two.toolRounds.cancel(bob, refOf(last).executionId);
    two.toolRounds.cancel(ann, refOf(last).executionId);
    expect((await (await one.executions.find(ann, refOf(last).executionId)).done).result.outcome).toBe('cancelled');
  });
});
