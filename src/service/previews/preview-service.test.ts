import { describe, expect, it } from 'vitest';
import { scriptedService } from '../../../test/support/scripted-service.ts';
import { ann } from '../../../test/support/sessions.ts';
import { type SteeredJob, steering } from '../../../test/support/steered-job.ts';

/** Previews over a runner whose jobs do what a test says. */

const bob = { ...ann, id: 'bob' };
const file = { name: 'sales.csv', digest: 'a'.repeat(64), size: 1000 };
const summary = JSON.stringify({ kind: 'table' });

function previewsWith(limits: Partial<{ maxFileBytes: number }> = {}) {
  const steered = steering();
  const begun: SteeredJob[] = [];
  const waiting: ((job: SteeredJob) => void)[] = [];
  steered.steps = (job) => {
    const take = waiting.shift();
    if (take) take(job);
    else begun.push(job);
  };
  /** The next job that begins. */
  const next = () => {
    const job = begun.shift();
    return job ? Promise.resolve(job) : new Promise<SteeredJob>((resolve) => waiting.push(resolve));
  };
  const service = scriptedService(steered.script, { previews: limits });
  const { previews, runner } = service;
  const jobs = { next };
  const say = (job: SteeredJob, path: string, content: string) => {
    job.scripted.write(path, content);
    job.finish();
  };
  return { previews, runner, service, jobs, say };
}

const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'made',
    ({ code, subcode }) => (code === 'preview_refused' ? subcode : code),
  );

describe('a preview', () => {
  it('is made once and kept for its owner alone', async () => {
    const { previews, runner, jobs, say } = previewsWith();
    const first = previews.make(ann, file, { form: 'json' });
    say(await jobs.next(), 'out/json', summary);
    expect(Buffer.from((await first).bytes).toString()).toBe(summary);
    expect((await previews.make(ann, { ...file, name: 'other.csv' }, { form: 'json' })).digest).toBe(
      (await first).digest,
    );
    expect(runner.submitted.length).toBe(1);
    const others = previews.make(bob, file, { form: 'json' });
    say(await jobs.next(), 'out/json', summary);
    await others;
    expect(runner.submitted.length).toBe(2);
  });

  it('that several want at once is made once', async () => {
    const { previews, runner, jobs, say } = previewsWith();
    const wanted = [1, 2, 3].map(() => previews.make(ann, file, { form: 'text' }));
    say(await jobs.next(), 'out/text', 'a');
    expect((await Promise.all(wanted)).map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(['a', 'a', 'a']);
    expect(runner.submitted.length).toBe(1);
  });

  it('runs with limits of its own, in no session, over one file that it cannot change', async () => {
    const { previews, runner, jobs, say } = previewsWith();
    const wanted = previews.make(ann, { ...file, name: '../x/$(reboot).CSV' }, { form: 'text' });
    say(await jobs.next(), 'out/text', 'a');
    await wanted;
    expect(runner.submitted[0]).toMatchObject({
      mode: 'program',
      session: null,
      tools: null,
      stdin: null,
      inputs: [{ path: 'document.csv', digest: file.digest, readOnly: true }],
      limits: { wallMs: 20_000, artifacts: 2, artifactBytes: 4 * 1024 * 1024, outputBytes: 4096 },
    });
    expect(JSON.stringify(runner.submitted[0])).not.toContain('reboot');
  });

  it('that no request waits for any more is given up', async () => {
    const { previews, jobs } = previewsWith();
    const [one, other] = [new AbortController(), new AbortController()];
    const wanted = [one, other].map(({ signal }) => reasonOf(previews.make(ann, file, { form: 'png' }, signal)));
    const job = await jobs.next();
    one.abort();
    expect(await wanted[0]).toBe('cancelled');
    expect(job.isCancelled).toBe(false);
    other.abort();
    expect(await wanted[1]).toBe('cancelled');
    await job.ended;
    expect(job.isCancelled).toBe(true);
  });

  it('is made with at most one other of its owner', async () => {
    const { previews, runner, jobs, say } = previewsWith();
    const wanted = [1, 2, 3, 4].map((page) => previews.make(ann, file, { form: 'text', page }));
    // The end of the test gives up the rest.
    for (const each of wanted) each.catch(() => {});
    const [first] = [await jobs.next(), await jobs.next()];
    const others = previews.make(bob, file, { form: 'text' });
    say(await jobs.next(), 'out/text', 'b');
    await others;
    expect(runner.submitted.length).toBe(3);
    say(first!, 'out/text', 'a');
    await wanted[0];
    await jobs.next();
    expect(runner.submitted.length).toBe(4);
  });
});

describe('where there is no preview', () => {
  it.each([
    ['encrypted', 'out/refused', '{"reason":"encrypted","needs":null}', {}],
    ['corrupt', 'out/refused', '{"reason":"<b>","needs":null}', {}],
    ['corrupt', 'out/html', '<p>another form</p>', {}],
    ['corrupt', 'elsewhere', summary, {}],
    ['corrupt', 'out/json', '{"kind":"admin"}', {}],
    ['took_too_long', 'out/json', summary, { outcome: 'timed_out' }],
    ['too_large', 'out/json', summary, { outcome: 'out_of_memory' }],
    ['corrupt', 'out/json', summary, { outcome: 'killed' }],
  ] as const)('the reason is %s for %s with %s %j', async (reason, path, content, result) => {
    const { previews, runner, jobs } = previewsWith();
    const wanted = reasonOf(previews.make(ann, file, { form: 'json' }));
    const job = await jobs.next();
    job.scripted.write(path, content);
    job.finish(result);
    expect(await wanted).toBe(reason);
    // A document that takes long does so once.
    expect(await reasonOf(previews.make(ann, file, { form: 'json' }))).toBe(reason);
    expect(runner.submitted.length).toBe(1);
  });

  it('the reason is known without a sandbox for a file that is too large, or where previews are off', async () => {
    const { previews, runner } = previewsWith();
    expect(await reasonOf(previews.make(ann, { ...file, size: 1e9 }, { form: 'json' }))).toBe('too_large');
    const { previews: none } = previewsWith({ maxFileBytes: 0 });
    expect(await reasonOf(none.make(ann, file, { form: 'json' }))).toBe('off');
    expect(runner.submitted).toEqual([]);
  });

  it('a document that took too long is tried again after a minute', async () => {
    const { previews, service, jobs, say } = previewsWith();
    const late = reasonOf(previews.make(ann, file, { form: 'json' }));
    (await jobs.next()).finish({ outcome: 'timed_out' });
    expect(await late).toBe('took_too_long');
    service.now += 61_000;
    const again = previews.make(ann, file, { form: 'json' });
    say(await jobs.next(), 'out/json', summary);
    expect(Buffer.from((await again).bytes).toString()).toBe(summary);
  });

  it('the fault of a service is told as such, and is not kept', async () => {
    const { previews, runner, jobs, say } = previewsWith();
    const { DragomanError } = await import('../../core/index.ts');
    const wanted = reasonOf(previews.make(ann, file, { form: 'json' }));
    (await jobs.next()).fail(new DragomanError('sandbox_unavailable'));
    expect(await wanted).toBe('sandbox_unavailable');
    const again = previews.make(ann, file, { form: 'json' });
    say(await jobs.next(), 'out/json', summary);
    await again;
    expect(runner.submitted.length).toBe(2);
  });
});

describe('a summary', () => {
  it('comes in time or not at all, and is there the next time', async () => {
    const { previews, jobs, say } = previewsWith();
    expect(await previews.summary(ann, file, 1)).toBeUndefined();
    const job = await jobs.next();
    const waiting = previews.summary(ann, file, 60_000);
    say(job, 'out/json', summary);
    expect(await waiting).toEqual({ kind: 'table' });
    expect(await previews.summary(ann, file, 0)).toEqual({ kind: 'table' });
  });
});
