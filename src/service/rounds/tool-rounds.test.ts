import { describe, expect, it } from 'vitest';
import type { Script } from '../../../test/support/scripted-runner.ts';
import { scriptedService } from '../../../test/support/scripted-service.ts';
import { ann, bob } from '../../../test/support/sessions.ts';
import type { Round } from './rounds.ts';

const refused = (code: string) => expect.objectContaining({ code });
const call = (id: string) => ({ id, name: 'ask', input: {} });
const request = { language: 'python', code: '', asProgram: true, tools: [{ name: 'ask' }] };
const open = () => ({ signal: new AbortController().signal });

/** Prints, asks twice in one round, once in the next, and prints what it heard. */
const asking: Script = async (job) => {
  job.print('so far\n');
  const first = await job.call([call('call_001'), call('call_002')]);
  if (job.signal.aborted) return undefined;
  job.print('then\n');
  const second = await job.call([call('call_003')]);
  job.print(JSON.stringify([...first, ...second].map((result) => result && 'value' in result && result.value)));
  return undefined;
};

type Calls = Extract<Round, { type: 'calls' }>;
const refOf = (round: Round) => (round as Calls).ref;
const both = [
  { id: 'call_001', value: 1 },
  { id: 'call_002', value: { a: [2] } },
];

describe('an execution in rounds', () => {
  it('goes from round to round to its end, and shows what it has printed by then', async () => {
    const { toolRounds, runner } = scriptedService(asking);
    const first = await toolRounds.start(ann, { ...request, notes: { a: 'b' } }, open());
    const { executionId } = refOf(first);
    expect(first).toEqual({
      type: 'calls',
      ref: { executionId, round: 1, worker: runner.worker },
      sessionId: executionId,
      calls: [call('call_001'), call('call_002')],
      shown: 'so far\n',
    });
    const second = await toolRounds.resume(ann, refOf(first), both, open());
    expect(second).toMatchObject({ ref: { round: 2 }, calls: [call('call_003')], shown: 'so far\nthen\n' });
    const last = await toolRounds.resume(ann, refOf(second), [{ id: 'call_003', value: null }], open());
    expect(last).toMatchObject({ type: 'ended', notes: { a: 'b' } });
    expect((last as Extract<Round, { type: 'ended' }>).execution.result.stdout.text).toBe(
      'so far\nthen\n[1,{"a":[2]},null]',
    );
  });

  it('leads to the same round and the same end for the same answers, and to none for others', async () => {
    const { toolRounds } = scriptedService(asking);
    const first = await toolRounds.start(ann, request, open());
    const second = await toolRounds.resume(ann, refOf(first), both, open());
    expect(await toolRounds.resume(ann, refOf(first), structuredClone(both), open())).toEqual(second);
    const other = [{ id: 'call_001', value: 'other' }];
    await expect(toolRounds.resume(ann, refOf(first), other, open())).rejects.toEqual(refused('conflict'));
    const third = [{ id: 'call_003', value: 3 }];
    const last = await toolRounds.resume(ann, refOf(second), third, open());
    expect(await toolRounds.resume(ann, refOf(second), third, open())).toEqual(last);
    for (const wrong of [[{ id: 'call_003', value: 4 }], [{ id: 'call_004', value: 3 }], [...third, ...other]])
      await expect(toolRounds.resume(ann, refOf(second), wrong, open())).rejects.toEqual(refused('not_found'));
  });

  it('is its principal’s, and of the same credential’s context', async () => {
    const { toolRounds } = scriptedService(asking);
    const own = { ...ann, authContext: 'a' };
    const first = await toolRounds.start(own, request, open());
    for (const stranger of [bob, ann, { ...ann, authContext: 'b' }])
      await expect(toolRounds.resume(stranger, refOf(first), both, open())).rejects.toEqual(refused('not_found'));
    toolRounds.cancel(bob, refOf(first).executionId);
    expect(await toolRounds.resume(own, refOf(first), both, open())).toMatchObject({ type: 'calls' });
  });

  it('is waited for by one request at a time', async () => {
    const goOn = Promise.withResolvers<void>();
    const { toolRounds } = scriptedService(async (job) => {
      await job.call([call('call_001')]);
      await goOn.promise;
      return undefined;
    });
    const first = await toolRounds.start(ann, request, open());
    const answer = [{ id: 'call_001', value: 1 }];
    const waiting = toolRounds.resume(ann, refOf(first), answer, open());
    await expect(toolRounds.resume(ann, refOf(first), answer, open())).rejects.toEqual(refused('conflict'));
    goOn.resolve();
    expect(await waiting).toMatchObject({ type: 'ended' });
  });

  it('refuses rounds that it has not come to, and answers to calls that it has not made', async () => {
    const { toolRounds } = scriptedService(asking);
    const first = await toolRounds.start(ann, request, open());
    const later = { ...refOf(first), round: 2 };
    await expect(toolRounds.resume(ann, later, both, open())).rejects.toEqual(refused('invalid_request'));
    const unknown = [{ id: 'call_009', value: 1 }];
    await expect(toolRounds.resume(ann, refOf(first), unknown, open())).rejects.toEqual(refused('invalid_request'));
    expect(await toolRounds.resume(ann, refOf(first), both, open())).toMatchObject({ ref: { round: 2 } });
  });

  it('ends when the request that waits for it is given up', async () => {
    const { toolRounds, admission, runner } = scriptedService(asking);
    const gone = new AbortController();
    gone.abort();
    await expect(toolRounds.start(ann, request, { signal: gone.signal })).rejects.toEqual(refused('cancelled'));
    const first = await toolRounds.start(ann, request, open());
    toolRounds.cancel(ann, refOf(first).executionId);
    await expect
      .poll(() => toolRounds.resume(ann, refOf(first), both, open()).catch(({ code }) => code))
      .toBe('not_found');
    expect([admission.running, runner.submitted.length]).toEqual([0, 2]);
  });

  it('is not forgotten for the many executions of another principal', async () => {
    const service = scriptedService(async (job) => (job.job.tools ? asking(job) : undefined));
    const { toolRounds } = service;
    const first = await toolRounds.start(bob, request, open());
    const second = await toolRounds.resume(bob, refOf(first), both, open());
    const third = [{ id: 'call_003', value: 3 }];
    const last = await toolRounds.resume(bob, refOf(second), third, open());
    for (let n = 0; n < 1100; n++) await service.run(undefined, 'x'.repeat(100_000));
    expect(await toolRounds.resume(bob, refOf(second), third, open())).toEqual(last);
  });

  it('is lost with its worker, and not found while that lives', async () => {
    const { toolRounds, runner } = scriptedService(asking);
    const ref = { executionId: 'E'.repeat(21), round: 1, worker: 'gone' };
    expect(await toolRounds.resume(ann, ref, both, open())).toEqual({ type: 'lost' });
    const here = { ...ref, worker: runner.worker };
    await expect(toolRounds.resume(ann, here, both, open())).rejects.toEqual(refused('not_found'));
  });
});
