import { expect, test } from 'vitest';
import type { Script } from '../../../test/support/scripted-runner.ts';
import { scriptedService } from '../../../test/support/scripted-service.ts';
import { ann, bob } from '../../../test/support/sessions.ts';

const actor = { name: 'ops' };
const waitForAbort: Script = async ({ signal }) => {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  return { outcome: 'cancelled' };
};

test('executions of all owners are told in pages, with what waits for a place', async () => {
  const service = scriptedService(waitForAbort, { places: 2 });
  const start = (who: typeof ann, code: string) => service.executions.start(who, { language: 'python', code });
  const first = await start(ann, 'secret code');
  await expect.poll(() => first.status).toBe('running');
  service.now += 1000;
  const second = await start(bob, '');
  const third = await start(ann, '');
  await expect.poll(() => service.admission.waiting).toBe(1);
  const all = service.operations.executions(10);
  expect(all).toMatchObject([
    { id: first.id, owner: { tenant: ann.tenant, id: ann.id }, language: 'python', status: 'running' },
    { id: second.id, owner: { id: bob.id }, status: 'running', begunAt: service.now },
    { id: third.id, status: 'queued', placedAt: null },
  ]);
  expect(JSON.stringify(all)).not.toContain('secret code');
  expect(service.operations.executions(1, all[0]!.serial)).toMatchObject([{ id: second.id }]);
  expect(service.operations.waiting()).toEqual({ forAnswers: 0, oldestQueuedAt: service.now });
  expect(await service.operations.endExecution(actor, third.id)).toBe('cancelled');
  expect(await service.operations.endExecution(actor, first.id)).toBe('cancelled');
  expect((await first.done).result.outcome).toBe('cancelled');
  expect(service.operations.executions(10).map(({ id }) => id)).toEqual([second.id]);
  await expect(service.operations.endExecution(actor, first.id)).rejects.toMatchObject({ code: 'not_found' });
});

test('sessions of all owners are told without the words of their owners, and a sandbox can be ended', async () => {
  const service = scriptedService();
  const live = await service.sessions.create(ann, { name: 'private name', metadata: { note: 'private note' } });
  const idle = await service.sessions.create(bob, {});
  await service.run(live.id);
  const { sessions, more } = await service.operations.sessions(10, { live: false });
  expect(more).toBe(false);
  expect(sessions).toMatchObject([
    { id: idle.id, owner: { id: bob.id }, state: 'dormant', kernels: [] },
    { id: live.id, owner: { id: ann.id }, state: 'live', kernels: ['python'], isBusy: false },
  ]);
  expect(JSON.stringify(sessions)).not.toContain('private');
  expect(await service.operations.sessions(1, { live: false })).toMatchObject({
    sessions: [{ id: idle.id }],
    more: true,
  });
  expect(await service.operations.sessions(9, { live: true })).toMatchObject({
    sessions: [{ id: live.id }],
    more: false,
  });
  expect(await service.operations.releaseSession(actor, live.id)).toBe(true);
  expect(await service.operations.releaseSession(actor, live.id)).toBe(false);
  expect(await service.operations.sessions(9, { live: true })).toEqual({ sessions: [], more: false });
  expect(await service.run(live.id)).toMatchObject({ continuity: 'restored' });
  await expect(service.operations.releaseSession(actor, 'A'.repeat(21))).rejects.toMatchObject({ code: 'not_found' });
});
