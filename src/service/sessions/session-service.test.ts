import { describe, expect, it } from 'vitest';
import type { Script } from '../../../test/support/scripted-runner.ts';
import { scriptedService } from '../../../test/support/scripted-service.ts';
import { ann, bob } from '../../../test/support/sessions.ts';

const refused = (code: string) => expect.objectContaining({ code });
const upload = (name: string, content: string) => ({
  name,
  contentType: '',
  content: (async function* () {
    yield Buffer.from(content);
  })(),
});
const waitForAbort: Script = async ({ signal }) => {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  return undefined;
};

describe('a session', () => {
  it('costs the runner nothing until code runs in it', async () => {
    const service = scriptedService();
    const { id } = await service.sessions.create(ann, {});
    await service.sessions.putFile(ann, id, upload('a.txt', 'a'));
    expect(await service.sessions.get(ann, id)).toMatchObject({ state: 'dormant', busy: false });
    expect([service.runner.submitted, service.runner.synced]).toEqual([[], []]);
    await service.run(id);
    expect(await service.sessions.get(ann, id)).toMatchObject({ state: 'live' });
  });

  it('sends all its files with each job, and those that come in between to its sandbox', async () => {
    const service = scriptedService(async (job) => {
      if (job.job.code !== '') job.write(job.job.code, job.job.code);
      return undefined;
    });
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'made.txt');
    await service.sessions.putFile(ann, id, upload('put.txt', 'put'));
    await service.run(id);
    await service.sessions.removeFile(ann, id, 'made.txt');
    await service.run(id);
    const staged = service.runner.submitted.map(({ inputs }) => inputs.map(({ path }) => path));
    expect(staged).toEqual([[], ['made.txt', 'put.txt'], ['put.txt']]);
    const synced = service.runner.synced.map((files) => files.map(({ path }) => path));
    expect(synced).toEqual([['made.txt', 'put.txt'], ['put.txt']]);
  });

  it('says what code finds: nothing, variables, or only files', async () => {
    const service = scriptedService();
    const { id } = await service.sessions.create(ann, {});
    expect(await service.run(id)).toMatchObject({ continuity: 'fresh' });
    expect(await service.run(id)).toMatchObject({ continuity: 'continued' });
    expect(await service.run(id, '', { language: 'php' })).toMatchObject({ continuity: 'continued' });
    await service.sessions.restart(ann, id);
    expect(await service.run(id)).toMatchObject({ continuity: 'restored' });
  });

  it('keeps its place and its epoch in its record', async () => {
    const service = scriptedService();
    const { id } = await service.sessions.create(ann, {});
    await service.run(id);
    await service.run(id);
    expect(service.runner.submitted.map(({ session }) => session)).toMatchObject([
      { id, epoch: 1, worker: 'worker-1', ran: [] },
      { id, epoch: 1, worker: 'worker-1', ran: ['python'] },
    ]);
    await service.close();
    const later = scriptedService(undefined, { records: service.records });
    await later.run(id);
    expect(later.runner.submitted[0]!.session).toMatchObject({ epoch: 1, worker: 'worker-1', ran: ['python'] });
  });

  it('has its new epoch in its record before the epoch is used', async () => {
    const kept: unknown[] = [];
    const service = scriptedService(async ({ job }) => {
      const { worker, epoch } = (await service.records.sessions.find(job.session!.id))!;
      kept.push([worker, epoch, job.session!.worker, job.session!.epoch]);
      return undefined;
    });
    const { id } = await service.sessions.create(ann, {});
    await service.run(id);
    service.runner.worker = 'worker-2';
    await service.run(id);
    expect(kept).toEqual([
      ['worker-1', 1, 'worker-1', 1],
      ['worker-2', 2, 'worker-2', 2],
    ]);
  });

  it('goes where another process has placed it meanwhile', async () => {
    const service = scriptedService();
    const { id } = await service.sessions.create(ann, {});
    await service.sessions.touch(ann, id);
    await service.records.sessions.place(id, 1, 'elsewhere');
    service.runner.alive = ['elsewhere'];
    service.runner.worker = 'worker-2';
    await service.run(id);
    expect(service.runner.submitted[0]!.session).toMatchObject({ worker: 'elsewhere', epoch: 2 });
    await service.records.sessions.place(id, 2, 'gone');
    service.runner.alive = [];
    await service.run(id);
    expect(service.runner.submitted[1]!.session).toMatchObject({ worker: 'worker-2', epoch: 4 });
  });

  it('keeps no files of a worker that it has left meanwhile', async () => {
    const service = scriptedService(async (job) => {
      job.write('made.txt', 'made');
      const { id, epoch } = job.job.session!;
      await service.records.sessions.place(id, epoch, 'elsewhere');
      return undefined;
    });
    const { id } = await service.sessions.create(ann, {});
    const { result, files, lost } = await service.run(id);
    expect([result.outcome, files]).toEqual(['completed', []]);
    expect(lost).toEqual([{ path: 'made.txt', reason: 'The session has moved to another worker.' }]);
    expect(await service.records.files.list(id)).toEqual([]);
  });

  it('is not moved to another worker once another process has deleted it', async () => {
    const service = scriptedService();
    const { id } = await service.sessions.create(ann, {});
    await service.sessions.touch(ann, id);
    await service.records.sessions.delete(id);
    service.runner.worker = 'worker-2';
    await expect(service.run(id)).rejects.toEqual(refused('cancelled'));
    await expect(service.run(id)).rejects.toEqual(refused('not_found'));
    expect(service.runner.submitted).toEqual([]);
  });

  it('never idles beyond its end', async () => {
    const service = scriptedService();
    const { id } = await service.sessions.create(ann, { idleMs: 3_600_000, lifeMs: 60_000 });
    await service.run(id);
    expect(service.runner.submitted[0]!.session!.idleMs).toBe(60_000);
    await service.sessions.update(ann, id, { idleMs: 1000 });
    expect(service.runner.kept).toEqual([{ id, idleMs: 1000 }]);
  });

  it('runs one execution after another and refuses those that are too many', async () => {
    const service = scriptedService(waitForAbort);
    const { id } = await service.sessions.create(ann, {});
    const start = () => service.executions.start(ann, { sessionId: id, language: 'python', code: '' });
    const all = await Promise.all(Array.from({ length: 64 }, start));
    await expect((await start()).done).rejects.toEqual(refused('session_busy'));
    expect(all.map(({ status }) => status).filter((status) => status === 'running')).toHaveLength(1);
    expect(await service.sessions.get(ann, id)).toMatchObject({ busy: true });
    for (const execution of all) execution.cancel();
    await Promise.allSettled(all.map(({ done }) => done));
    expect(await service.sessions.get(ann, id)).toMatchObject({ busy: false });
  });

  it('takes no execution after it is deleted, and cancels those it has', async () => {
    const service = scriptedService(waitForAbort);
    const { id } = await service.sessions.create(ann, {});
    const running = await service.executions.start(ann, { sessionId: id, language: 'python', code: '' });
    const waiting = await service.executions.start(ann, { sessionId: id, language: 'python', code: '' });
    await service.sessions.delete(ann, id);
    await expect(waiting.done).rejects.toEqual(refused('cancelled'));
    await expect(running.done).rejects.toEqual(refused('cancelled'));
    await expect(service.run(id)).rejects.toEqual(refused('not_found'));
  });

  it('is one of a name however many ask for it at once', async () => {
    const service = scriptedService();
    const made = await Promise.all(Array.from({ length: 5 }, () => service.sessions.ensure(ann, 'name', {})));
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect((await service.sessions.ensure(bob, 'name', {})).id).not.toBe(made[0]!.id);
  });
});

describe('kernels', () => {
  it('are made, run in, listed, restarted and deleted', async () => {
    const service = scriptedService();
    const { kernels } = service;
    const { id } = await service.sessions.create(ann, {});
    const kernel = await kernels.create(ann, id, { language: 'py', directory: 'a/b' });
    expect(await kernels.list(ann, id)).toEqual([{ ...kernel, state: 'dormant' }]);
    const run = () => service.run(id, '', { kernelId: kernel.id });
    expect(await run()).toMatchObject({ continuity: 'fresh' });
    expect(service.runner.submitted[0]!.session!.kernel).toEqual({ id: kernel.id, directory: 'a/b' });
    expect(await service.run(id)).toMatchObject({ continuity: 'fresh' });
    expect(await run()).toMatchObject({ continuity: 'continued' });
    expect(await kernels.list(ann, id)).toMatchObject([
      { id: 'python', isDefault: true, state: 'live' },
      { id: kernel.id, isDefault: false, state: 'live' },
    ]);
    expect(await kernels.restart(ann, id, kernel.id)).toMatchObject({ state: 'dormant' });
    expect(await run()).toMatchObject({ continuity: 'restored' });
    await kernels.delete(ann, id, kernel.id);
    await expect(run()).rejects.toEqual(refused('not_found'));
    await kernels.delete(ann, id, 'python');
    expect(await kernels.list(ann, id)).toEqual([]);
  });

  it('outlive the process', async () => {
    const service = scriptedService();
    const { id } = await service.sessions.create(ann, {});
    const kernel = await service.kernels.create(ann, id, { language: 'python' });
    await service.close();
    const later = scriptedService(undefined, { records: service.records });
    expect(await later.kernels.list(ann, id)).toEqual([kernel]);
  });

  it('refuse other languages, programs, other principals, and too many', async () => {
    const service = scriptedService();
    const { kernels } = service;
    const { id } = await service.sessions.create(ann, {});
    await expect(kernels.create(ann, id, { language: 'php' })).rejects.toEqual(refused('invalid_request'));
    await expect(kernels.create(ann, id, { language: 'cobol' })).rejects.toEqual(refused('unsupported_language'));
    for (const directory of ['/etc', '../x', 'a/../../b', 'a\0'])
      await expect(kernels.create(ann, id, { language: 'python', directory })).rejects.toEqual(
        refused('invalid_request'),
      );
    await expect(kernels.create(bob, id, { language: 'python' })).rejects.toEqual(refused('not_found'));
    const { id: kernelId } = await kernels.create(ann, id, { language: 'python' });
    await expect(kernels.restart(bob, id, kernelId)).rejects.toEqual(refused('not_found'));
    await expect(kernels.restart(ann, id, 'other')).rejects.toEqual(refused('not_found'));
    const args = { kernelId, args: ['a'] };
    await expect(service.run(id, '', args)).rejects.toEqual(refused('invalid_request'));
    await expect(service.run(id, '', { kernelId, language: 'php' })).rejects.toEqual(refused('invalid_request'));
    for (let made = 1; made < 16; made++) await kernels.create(ann, id, { language: 'python' });
    await expect(kernels.create(ann, id, { language: 'python' })).rejects.toEqual(refused('conflict'));
  });
});
