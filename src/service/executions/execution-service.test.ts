import { describe, expect, it, vi } from 'vitest';
import type { Script } from '../../../test/support/scripted-runner.ts';
import { scriptedService } from '../../../test/support/scripted-service.ts';
import { ann, bob } from '../../../test/support/sessions.ts';
import type { StoredFile } from '../../core/index.ts';

const refused = (code: string, message?: RegExp) =>
  expect.objectContaining(message ? { code, message: expect.stringMatching(message) } : { code });
const waitForAbort: Script = async ({ signal }) => {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  return undefined;
};

describe('an execution', () => {
  it('hands the runner the canonical language, the plan’s limits and an opaque owner', async () => {
    const service = scriptedService();
    await service.run(undefined, 'print(1)', { language: 'PY', wallMs: 1e9 });
    const [job] = service.runner.submitted;
    expect(job).toMatchObject({ language: 'python', code: 'print(1)', mode: 'cell', session: null, tools: null });
    expect(job!.limits.wallMs).toBe(60_000);
    expect(job!.deadline).toBe(service.now + 5000);
    expect(job!.owner).not.toContain('ann');
    await (await service.executions.start(bob, { language: 'python', code: '' })).done;
    expect(service.runner.submitted[1]!.owner).not.toBe(job!.owner);
  });

  it('is a program where the language has no kernel, or has arguments or input, or asks for it', async () => {
    const service = scriptedService();
    await service.run(undefined, '', { language: 'php' });
    await service.run(undefined, '', { args: ['a'] });
    await service.run(undefined, '', { stdin: '' });
    await service.run(undefined, '', { asProgram: true });
    await service.run(undefined);
    const modes = service.runner.submitted.map(({ mode }) => mode);
    expect(modes).toEqual(['program', 'program', 'program', 'program', 'cell']);
  });

  it('refuses what cannot run before anything is handed on', async () => {
    const service = scriptedService();
    const start = (request: object) => service.run(undefined, '', request);
    await expect(start({ language: 'cobol' })).rejects.toEqual(refused('unsupported_language', /python, bash, php/));
    await expect(start({ args: ['\0'] })).rejects.toEqual(refused('invalid_request'));
    for (const name of ['_PROGRAM_SOURCE', '_PTC_NAMES'])
      await expect(start({ env: { [name]: '' } })).rejects.toEqual(refused('invalid_request', new RegExp(name)));
    const unknown = { sessionId: 'A'.repeat(21), fileId: 'B'.repeat(21), scope: { kind: 'user' }, path: 'a' };
    await expect(start({ files: [unknown] })).rejects.toEqual(refused('file_refused'));
    await expect(start({ language: 'php', tools: [{ name: 'ask' }] })).rejects.toEqual(
      refused('invalid_request', /PHP/),
    );
    await expect(start({ tools: [{ name: '' }] })).rejects.toEqual(refused('invalid_request'));
    await expect(start({ kernelId: 'k' })).rejects.toEqual(refused('invalid_request', /session/));
    expect(service.runner.submitted).toEqual([]);
    expect(service.admission.running).toBe(0);
  });

  it('gives its place to another while its files take long to store', async () => {
    const stored = Promise.withResolvers<void>();
    const service = scriptedService(async (job) => {
      job.tell({ type: 'storing' });
      await stored.promise;
      return undefined;
    });
    const execution = await service.executions.start(ann, { language: 'python', code: '' });
    await vi.waitFor(() => expect(service.admission.running).toBe(0));
    expect(execution.status).toBe('running');
    stored.resolve();
    expect(await Array.fromAsync(execution.events())).toEqual([]);
    await execution.done;
    expect(service.admission.running).toBe(0);
  });

  it('is refused where its principal has too much under way, and no other principal’s is', async () => {
    const service = scriptedService(waitForAbort);
    const session = await service.sessions.create(ann, {});
    const start = (who: typeof ann, sessionId?: string) =>
      service.executions.start(who, { sessionId, language: 'python', code: 'x'.repeat(8_000_000) });
    const begun = [];
    for (let n = 0; n < 16; n++) begun.push(await start(ann, session.id));
    await expect(start(ann, session.id)).rejects.toEqual(refused('rate_limited', /under way/));
    begun.push(await start(bob));
    for (const execution of begun) execution.cancel();
    await Promise.allSettled(begun.map(({ done }) => done));
    const again = await start(ann, session.id);
    again.cancel();
    await again.done.catch(() => {});
  });

  it('keeps what it made as a file set of its own, and reports inputs that are unchanged', async () => {
    const service = scriptedService(async (job) => {
      for (const path of job.paths()) job.write(path, path === 'in.txt' ? 'changed' : await job.read(path));
      job.write('out/new.txt', 'new');
      return undefined;
    });
    const upload = async (name: string, content: string): Promise<StoredFile> => {
      const file = { name, contentType: '', content: chunks(content) };
      const target = { scope: { kind: 'user' }, readOnly: false, partial: false } as const;
      const { files } = await service.fileService.upload(ann, target, one(file));
      return (files[0] as { stored: StoredFile }).stored;
    };
    const files = [await upload('in.txt', 'in'), await upload('same.txt', 'same')].map((file) => ({
      sessionId: file.sessionId,
      fileId: file.id,
      scope: { kind: 'user' } as const,
      path: file.name,
    }));
    const ended = await service.run(undefined, '', { files, asProgram: true });
    expect(ended.files).toMatchObject([
      { change: 'modified', file: { name: 'in.txt', sessionId: ended.id }, from: { fileId: files[0]!.fileId } },
      { change: 'created', file: { name: 'out/new.txt', sessionId: ended.id } },
      { change: 'inherited', path: 'same.txt', ref: { fileId: files[1]!.fileId } },
    ]);
    const kept = await service.fileService.list(ann, ended.id, { kind: 'user' });
    expect(kept.map(({ name }) => name).sort()).toEqual(['in.txt', 'out/new.txt']);
    expect([service.used, service.measured]).toEqual([[{ principal: 'ann', executions: 1 }], ['completed']]);
  });

  it('keeps its result when its files exceed the owner’s quota, and says which are lost', async () => {
    const service = scriptedService(
      async (job) => {
        job.write('large.txt', 'x'.repeat(100));
        job.print('done');
        return undefined;
      },
      { plan: { storedBytes: 10 } },
    );
    const { result, files, lost } = await service.run(undefined);
    expect([result.stdout.text, files]).toEqual(['done', []]);
    expect(lost).toEqual([{ path: 'large.txt', reason: expect.stringContaining('quota') }]);
  });

  it('waits for a place, in which it is cancelled without having run or counted', async () => {
    const service = scriptedService(waitForAbort, { places: 1 });
    const first = await service.executions.start(ann, { language: 'python', code: '' });
    const second = await service.executions.start(ann, { language: 'python', code: '' });
    expect([first.status, second.status]).toEqual(['running', 'queued']);
    second.cancel();
    await expect(second.done).rejects.toEqual(refused('cancelled'));
    first.cancel();
    expect((await first.done).result.outcome).toBe('cancelled');
    expect(service.runner.submitted).toHaveLength(1);
    expect(service.used).toHaveLength(1);
    expect(service.admission.running).toBe(0);
  });

  it('gives its place back when the runner fails it', async () => {
    const service = scriptedService(async () => {
      throw new Error('a secret of ours');
    });
    await expect(service.run(undefined)).rejects.toEqual(refused('internal', /^Internal/));
    expect(service.admission.running).toBe(0);
  });

  it('is found by its owner alone, while it runs and afterwards, with all it showed', async () => {
    const service = scriptedService(async (job) => {
      job.print('a');
      job.print(Buffer.from([255]));
      return undefined;
    });
    const { id, done } = await service.executions.start(ann, { language: 'python', code: '' });
    await done;
    const found = await service.executions.find(ann, id);
    const events = await Array.fromAsync(found.events());
    expect(events.map(({ number }) => number)).toEqual([1, 2]);
    expect(events.map(({ event }) => ('data' in event ? [...event.data] : []))).toEqual([[97], [255]]);
    expect(await Array.fromAsync(found.events(1))).toEqual(events.slice(1));
    expect([found.status, found.last]).toEqual(['done', 2]);
    await expect(service.executions.find(bob, id)).rejects.toEqual(refused('not_found'));
  });

  it('gives its place to another while its files are stored, which callers do not see as an event', async () => {
    const stored = Promise.withResolvers<void>();
    const service = scriptedService(
      async (job) => {
        job.print('a');
        job.tell({ type: 'storing' });
        await stored.promise;
        return undefined;
      },
      { places: 1 },
    );
    const execution = await service.executions.start(ann, { language: 'python', code: '' });
    await expect.poll(() => service.admission.running).toBe(0);
    stored.resolve();
    expect((await Array.fromAsync(execution.events())).map(({ number }) => number)).toEqual([1]);
    await execution.done;
    expect(execution.last).toBe(1);
  });
});

describe('tool calls', () => {
  const asking: Script = async (job) => {
    const [answer] = await job.call([{ id: 'call_001', name: 'ask', input: {} }]);
    job.print(JSON.stringify(answer ?? null));
    return undefined;
  };
  const tools = [{ name: 'ask' }];

  it('lend the place to others until they are answered', async () => {
    const service = scriptedService(asking, { places: 1 });
    const execution = await service.executions.start(ann, { language: 'python', code: '', tools });
    for await (const { event } of execution.events()) if (event.type === 'tool_calls') break;
    expect([execution.status, execution.pending.map(({ id }) => id)]).toEqual(['waiting', ['call_001']]);
    expect(service.admission.running).toBe(0);
    await expect(execution.answer([{ id: 'other', value: 1 }])).rejects.toEqual(refused('invalid_request'));
    await execution.answer([{ id: 'call_001', value: 1 }]);
    expect(execution.pending).toEqual([]);
    expect((await execution.done).result.stdout.text).toBe('{"id":"call_001","value":1}');
    await expect(execution.answer([{ id: 'call_001', value: 1 }])).rejects.toEqual(refused('conflict'));
    expect(service.admission.running).toBe(0);
  });

  it('are made by a bounded number of executions of one principal', async () => {
    const service = scriptedService(asking, { maxToolExecutions: 2 });
    const start = (principal: typeof ann) =>
      service.executions.start(principal, { language: 'python', code: '', tools });
    const started = [await start(ann), await start(ann)];
    await expect(start(ann)).rejects.toEqual(refused('rate_limited'));
    started.push(await start(bob));
    for (const execution of started) execution.cancel();
    await Promise.all(started.map(({ done }) => done));
    (await start(ann)).cancel();
  });

  it('wait with a bounded amount of what the executions of one principal have shown', async () => {
    const service = scriptedService(
      async (job) => {
        const bundle = { 'image/png': 'x'.repeat(60 * 1024 * 1024) };
        if (job.job.code === 'show') job.tell({ type: 'display', bundle });
        // As with a real one, nothing follows before it was read.
        await new Promise((resolve) => setImmediate(resolve));
        return asking(job);
      },
      { maxToolExecutions: 20 },
    );
    const start = async (principal: typeof ann, code: string) => {
      const execution = await service.executions.start(principal, { language: 'python', code, tools });
      for await (const { event } of execution.events()) if (event.type === 'tool_calls') break;
      return execution;
    };
    const waiting = [];
    for (let n = 0; n < 4; n++) waiting.push(await start(ann, 'show'));
    const refusedOne = await service.executions.start(ann, { language: 'python', code: 'show', tools });
    await expect(refusedOne.done).rejects.toEqual(refused('rate_limited', /shown too much/));
    waiting.push(await start(ann, ''), await start(bob, 'show'));
    for (const execution of waiting) execution.cancel();
    await Promise.all(waiting.map(({ done }) => done));
    (await start(ann, 'show')).cancel();
  });
});

async function* chunks(content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content);
}

async function* one<T>(value: T): AsyncGenerator<T> {
  yield value;
}
