import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DragomanError, type Limits, newId } from '../../../src/core/index.ts';
import type { NumberedEvent } from '../../../src/event-log/index.ts';
import {
  type FileUse,
  type Job,
  type JobEnding,
  type JobEvent,
  type JobFiles,
  outputBytes,
  type Runner,
} from '../../../src/runner/index.ts';
import { testTier } from '../../support/tier.ts';

/** What a job's code does, in a form that each implementation turns into code of its own. */
export type Step =
  | { readonly print: string }
  | { readonly printBytes: readonly number[] }
  | { readonly write: readonly [path: string, content: string] }
  | { readonly remove: string }
  /** Sets the mode of a file. */
  | { readonly mode: readonly [path: string, mode: number] }
  /** Prints the permission bits of a file, in octal. */
  | { readonly showMode: string }
  /** Makes a folder, with those it is in. */
  | { readonly folder: string }
  /** Prints the paths of all folders, joined by commas. */
  | { readonly folders: true }
  /** Prints a file. */
  | { readonly show: string }
  /** Prints the paths of the workspace, joined by commas. */
  | { readonly list: true }
  /** Calls the tool `ask` and prints what it answers. */
  | { readonly ask: string }
  /** Goes on for ever, until it is interrupted or cancelled. */
  | { readonly wait: true };

export interface RunnerUnderTest {
  readonly runner: Runner;
  readonly limits: Limits;
  /** A language with cells that may call tools. */
  readonly language: string;
  code(steps: readonly Step[]): string;
}

const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');

/** Bytes by digest, in memory. */
export class MemoryJobFiles implements JobFiles {
  readonly bytes = new Map<string, Buffer>();
  readonly puts: { readonly jobId: string; readonly path: string }[] = [];
  refuses = false;

  add(path: string, content: string, readOnly = false) {
    const digest = sha256(content);
    this.bytes.set(digest, Buffer.from(content));
    return { path, digest, size: Buffer.byteLength(content), readOnly };
  }

  async open(_use: FileUse, digest: string) {
    return [this.bytes.get(digest)!].values() as unknown as AsyncIterable<Uint8Array>;
  }

  async put({ jobId }: FileUse, path: string, content: AsyncIterable<Uint8Array>) {
    if (this.refuses) throw new DragomanError('quota_exceeded', { message: 'No room.' });
    const bytes = Buffer.concat(await Array.fromAsync(content));
    const digest = createHash('sha256').update(bytes).digest('hex');
    this.bytes.set(digest, bytes);
    this.puts.push({ jobId, path });
    return { digest, size: bytes.length };
  }
}

/** What every `Runner` does. Each job and each event goes through JSON and `structuredClone` on its way. */
export function describeRunner(name: string, start: (files: MemoryJobFiles) => Promise<RunnerUnderTest>): void {
  describe(`runner: ${name}`, () => {
    const setUp = async () => {
      const files = new MemoryJobFiles();
      const { runner, limits, language, code } = await start(files);
      const job = (steps: readonly Step[], more: Partial<Job> = {}): Job => ({
        id: newId(),
        owner: 'owner',
        language,
        code: code(steps),
        args: [],
        stdin: null,
        mode: 'cell',
        inputs: [],
        folders: null,
        limits,
        tier: testTier(),
        tools: null,
        session: null,
        deadline: Date.now() + 60_000,
        ...more,
      });
      const submit = async (given: Job) => {
        await runner.submit(carried(given));
        return given;
      };
      const run = async (steps: readonly Step[], more: Partial<Job> = {}) => {
        const submitted = await submit(job(steps, more));
        return ending(await Array.fromAsync(carriedAll(runner.events(submitted, 0))));
      };
      return { files, runner, job, submit, run };
    };
    const session = async (runner: Runner, epoch = 1) => {
      const worker = await runner.placeSession(null, testTier());
      return { id: newId(), epoch, worker, kernel: null, ran: [], idleMs: 60_000 };
    };

    it('tells of a job from its start to its one end, in numbered events', async () => {
      const { runner, job, submit } = await setUp();
      const submitted = await submit(job([{ print: 'hello' }]));
      const events = await Array.fromAsync(carriedAll(runner.events(submitted, 0)));
      expect(events.map(({ number }) => number)).toEqual(events.map((_, index) => index + 1));
      expect(events[0]!.event.type).toBe('started');
      expect(printed(events)).toBe('hello');
      const { result, continuity, files, deleted, lost } = ending(events);
      expect(result).toMatchObject({ outcome: 'completed', stdout: { text: 'hello' } });
      expect([continuity, files, deleted, lost]).toEqual(['fresh', [], [], []]);
      expect(events.filter(({ event }) => event.type === 'ended')).toHaveLength(1);
      const again = await Array.fromAsync(carriedAll(runner.events(submitted, 1)));
      expect(again).toEqual(events.slice(1));
    });

    it('carries bytes that are no text', async () => {
      const { runner, job, submit } = await setUp();
      const submitted = await submit(job([{ printBytes: [0, 255, 195, 40] }]));
      const events = await Array.fromAsync(carriedAll(runner.events(submitted, 0)));
      expect(Buffer.from(printed(events, 'latin1'), 'latin1')).toEqual(Buffer.from([0, 255, 195, 40]));
    });

    it('takes a job of one id once', async () => {
      const { runner, job, submit } = await setUp();
      const submitted = await submit(job([]));
      await expect(runner.submit(submitted)).rejects.toMatchObject({ code: 'conflict' });
    });

    it('stages inputs by digest, and stores what was made, changed and removed', async () => {
      const { files, run } = await setUp();
      const inputs = [files.add('in.txt', 'one'), files.add('old.txt', 'two'), files.add('same.txt', 'three')];
      const steps: Step[] = [
        { show: 'in.txt' },
        { write: ['in.txt', 'changed'] },
        { write: ['new.txt', 'new'] },
        { write: ['same.txt', 'three'] },
        { remove: 'old.txt' },
      ];
      for (const mode of ['cell', 'program'] as const) {
        const { result, files: made, deleted, lost } = await run(steps, { inputs, mode });
        expect([mode, result.stdout.text]).toEqual([mode, 'one']);
        const byPath = [...made].sort((a, b) => (a.path < b.path ? -1 : 1));
        expect(byPath).toEqual([
          { path: 'in.txt', change: 'modified', digest: sha256('changed'), size: 7, mode: 0o644 },
          { path: 'new.txt', change: 'created', digest: sha256('new'), size: 3, mode: 0o644 },
        ]);
        expect([deleted, lost]).toEqual([['old.txt'], []]);
        expect(files.bytes.get(sha256('new'))?.toString()).toBe('new');
      }
    });

    it('reports files that cannot be stored as lost, and keeps the result', async () => {
      const { files, run } = await setUp();
      files.refuses = true;
      const { result, files: made, lost } = await run([{ write: ['a.txt', 'a'] }, { print: 'done' }]);
      expect([result.stdout.text, made, lost]).toEqual(['done', [], [{ path: 'a.txt', reason: 'No room.' }]]);
    });

    it('ends a job that is cancelled', async () => {
      const { runner, job, submit } = await setUp();
      for (const mode of ['cell', 'program'] as const) {
        const submitted = await submit(job([{ print: 'on' }, { wait: true }], { mode }));
        await runner.cancel(submitted.id);
        const events = await Array.fromAsync(carriedAll(runner.events(submitted, 0)));
        expect([mode, ending(events).result.outcome]).toEqual([mode, 'cancelled']);
        await runner.cancel(submitted.id);
      }
    });

    it('interrupts a cell, which keeps its variables', async () => {
      const { runner, job, submit, run } = await setUp();
      const where = await session(runner);
      const submitted = await submit(job([{ print: 'on' }, { wait: true }], { session: where }));
      for await (const { event } of runner.events(submitted, 0)) if (event.type === 'stdout') break;
      await runner.interrupt(submitted.id);
      const { result } = ending(await Array.fromAsync(runner.events(submitted, 0)));
      expect(result).toMatchObject({ outcome: 'completed', interpreter: 'kept' });
      expect(await run([], { session: where })).toMatchObject({ continuity: 'continued' });
    });

    it('passes tool calls and their answers', async () => {
      const { runner, job, submit } = await setUp();
      const tools = { definitions: [{ name: 'ask' }], waitMs: 30_000 };
      const submitted = await submit(job([{ ask: 'one' }], { tools }));
      const events: NumberedEvent<JobEvent>[] = [];
      for await (const each of carriedAll(runner.events(submitted, 0))) {
        events.push(each);
        if (each.event.type !== 'tool_calls') continue;
        const { id } = each.event.calls[0]!;
        const wrong = [{ id: 'no such call', value: 1 }];
        await expect(runner.checkAnswer(submitted.id, wrong)).rejects.toMatchObject({ code: 'invalid_request' });
        const results = [{ id, value: 'answer' }];
        expect(await runner.checkAnswer(submitted.id, results)).toEqual({ changes: true, waits: true });
        await runner.answer(submitted.id, results);
      }
      expect(ending(events).result.stdout.text).toBe('answer');
      await expect(runner.answer(submitted.id, [])).rejects.toMatchObject({ code: 'conflict' });
    });

    it('keeps a session’s variables until its sandbox is dropped, and says so', async () => {
      const { runner, run } = await setUp();
      const where = await session(runner);
      expect(await runner.sessions([where])).toEqual([]);
      expect(await runner.usageNow(where)).toBeNull();
      expect(await run([], { session: where })).toMatchObject({ continuity: 'fresh' });
      expect(carried(await runner.usageNow(where))).toMatchObject({
        cpuMs: expect.any(Number),
        memoryBytes: expect.any(Number),
      });
      expect(await runner.sessions([where])).toMatchObject([{ id: where.id, kernels: [expect.any(String)] }]);
      const { kernels } = (await runner.sessions([where]))[0]!;
      const census = carried(await runner.census());
      expect(census.sessions.find(({ id }) => id === where.id)).toMatchObject({ epoch: where.epoch, kernels });
      expect(census.tiers).toEqual([{ tier: testTier(), live: expect.any(Number), parked: expect.any(Number) }]);
      expect(census.tiers[0]!.live).toBeGreaterThan(0);
      const after = { ...where, ran: kernels };
      expect(await run([], { session: after })).toMatchObject({ continuity: 'continued' });
      await runner.endKernels(where, null);
      expect(await run([], { session: after })).toMatchObject({ continuity: 'restored' });
      await runner.dropSession(where);
      // Elsewhere a session counts as busy until how its job ended is stored.
      await expect.poll(() => runner.sessions([where])).toEqual([]);
      expect((await runner.census()).sessions.filter(({ id }) => id === where.id)).toEqual([]);
      expect(await run([], { session: after })).toMatchObject({ continuity: 'restored' });
    });

    it('runs code in several kernels of one session, and ends them one by one', async () => {
      const { runner, run } = await setUp();
      const where = await session(runner);
      const inKernel = (id: string, ran: readonly string[]) =>
        run([], { session: { ...where, ran, kernel: { id, directory: '' } } });
      expect(await run([], { session: where })).toMatchObject({ continuity: 'fresh' });
      const [{ kernels: usual } = { kernels: [] }] = await runner.sessions([where]);
      const ran = [...usual, 'one', 'two'];
      expect(await inKernel('one', usual)).toMatchObject({ continuity: 'fresh' });
      expect(await inKernel('two', usual)).toMatchObject({ continuity: 'fresh' });
      expect(await inKernel('one', ran)).toMatchObject({ continuity: 'continued' });
      await runner.endKernels(where, ['one']);
      const [{ kernels } = { kernels: [] }] = await runner.sessions([where]);
      expect([...kernels].sort()).toEqual([...usual, 'two'].sort());
      expect(await inKernel('one', ran)).toMatchObject({ continuity: 'restored' });
      expect(await inKernel('two', ran)).toMatchObject({ continuity: 'continued' });
    });

    it('makes a session’s workspace hold the files of each job, no more and no less', async () => {
      const { files, runner, run } = await setUp();
      const where = await session(runner);
      const [a, b] = [files.add('a.txt', 'a'), files.add('b.txt', 'b')];
      const list = async (inputs: Job['inputs']) =>
        (await run([{ list: true }], { session: where, inputs })).result.stdout.text;
      expect(await list([a, b])).toBe('a.txt,b.txt');
      expect(await list([b])).toBe('b.txt');
      const changed = files.add('b.txt', 'changed');
      const shown = await run([{ show: 'b.txt' }], { session: where, inputs: [changed] });
      expect(shown.result.stdout.text).toBe('changed');
      const made = await run([{ write: ['c.txt', 'c'] }], { session: where, inputs: [changed] });
      const [c] = made.files.map((file) => ({ ...file, readOnly: false }));
      expect(await list([changed, c!])).toBe('b.txt,c.txt');
    });

    it('tells the permission bits of what was made, and gives them back', async () => {
      const { files, runner, run } = await setUp();
      for (const mode of ['cell', 'program'] as const) {
        const steps = [{ write: ['tool', 'x'] }, { mode: ['tool', 0o6755] }] as const;
        const { files: made } = await run(steps, { mode });
        expect(made).toMatchObject([{ path: 'tool', change: 'created', mode: 0o755 }]);
        const input = { ...files.add('tool', 'x'), mode: 0o755 };
        const plain = files.add('plain', 'x');
        const inputs = [input, plain];
        const next = await run([{ showMode: 'tool' }, { showMode: 'plain' }], { mode, inputs });
        expect(next.result.stdout.text).toBe('755644');
        expect(next.files).toEqual([]);
        const changed = await run([{ mode: ['plain', 0o700] }], { mode, inputs });
        expect(changed.files).toMatchObject([{ path: 'plain', change: 'modified', mode: 0o700, digest: plain.digest }]);
      }
      // A live session's workspace is brought to what is recorded by mode as well as by content.
      const where = await session(runner);
      const file = files.add('tool', 'x');
      await run([], { session: where, inputs: [file] });
      const next = await run([{ showMode: 'tool' }], { session: where, inputs: [{ ...file, mode: 0o755 }] });
      expect(next.result.stdout.text).toBe('755');
    });

    it('keeps empty folders where it is asked to', async () => {
      const { files, runner, run } = await setUp();
      const where = await session(runner);
      const steps = [
        { folder: 'out/raw' },
        { folder: 'logs' },
        { folder: 'full' },
        { write: ['full/x', 'x'] },
      ] as const;
      const first = await run(steps, { session: where, folders: [] });
      expect(first.folders).toEqual(['logs', 'out/raw']);
      const inputs = [files.add('full/x', 'x')];
      for (const [mode, another] of [
        ['cell', where],
        ['cell', await session(runner)],
        ['program', where],
      ] as const) {
        const again = await run([{ folders: true }], { mode, session: another, inputs, folders: ['logs', 'out/raw'] });
        expect(again.result.stdout.text).toBe('full,logs,out,out/raw');
        expect(again).toMatchObject({ folders: ['logs', 'out/raw'], files: [], deleted: [] });
      }
      const without = await run([{ folders: true }], { session: where, inputs, folders: ['logs'] });
      expect([without.result.stdout.text, without.folders]).toEqual(['full,logs', ['logs']]);
      expect((await run([{ folder: 'logs' }])).folders).toBeNull();
    });

    it('gives up a sandbox of an older epoch, and refuses jobs of one', async () => {
      const { runner, job, submit, run } = await setUp();
      const where = await session(runner, 1);
      await run([], { session: where });
      const next = { ...where, epoch: 2 };
      expect(await run([], { session: next })).toMatchObject({ continuity: 'fresh' });
      await expect.poll(() => runner.sessions([where])).toEqual([]);
      const late = await submit(job([], { session: where }));
      const events = await Array.fromAsync(carriedAll(runner.events(late, 0)));
      expect(events.at(-1)!.event).toMatchObject({ type: 'failed', error: { code: 'conflict' } });
    });
  });
}

/** As it arrives on the other side of a wire. */
function carried<T>(value: T): T {
  const json = JSON.parse(JSON.stringify(structuredClone(value)));
  expect(json).toEqual(value);
  return json;
}

async function* carriedAll(events: AsyncIterable<NumberedEvent<JobEvent>>): AsyncGenerator<NumberedEvent<JobEvent>> {
  for await (const event of events) yield carried(event);
}

function printed(events: readonly NumberedEvent<JobEvent>[], encoding: BufferEncoding = 'utf8'): string {
  const chunks = events.flatMap(({ event }) => (event.type === 'stdout' ? [outputBytes(event)] : []));
  return Buffer.concat(chunks).toString(encoding);
}

function ending(events: readonly NumberedEvent<JobEvent>[]): JobEnding {
  const last = events.at(-1)?.event;
  if (last?.type !== 'ended') throw new Error(`the job did not end: ${JSON.stringify(last)}`);
  return last;
}
