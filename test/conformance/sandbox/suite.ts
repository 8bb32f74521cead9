import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type KernelStart, orders } from '../../../src/guest-protocol/index.ts';
import type { Backend, Sandbox, SandboxLimits } from '../../../src/sandbox/index.ts';
import { describeBulk } from './bulk.ts';
import { cellOf, type Deed } from './deeds.ts';
import { start, Transcript } from './listen.ts';
import { describeWorkspace } from './workspace.ts';

/** A backend to be put through the suite. */
export interface Candidate {
  /** Started. */
  readonly backend: Backend;
  /** Of a template that has Python. */
  readonly template: string;
  /** Python's. */
  readonly kernel: KernelStart;
}

const MiB = 1024 * 1024;

const limits: SandboxLimits = {
  memoryBytes: 384 * MiB,
  processes: 128,
  cpus: 1,
  workspaceBytes: 16 * MiB,
  workspaceFiles: 500,
  openFiles: 1024,
};

/** What every implementation of the boundary port has to do. */
export function describeBackend(name: string, open: () => Promise<Candidate>): void {
  describe(`the ${name} backend`, () => {
    let candidate: Candidate;
    beforeAll(async () => {
      candidate = await open();
    });
    afterAll(() => candidate.backend.close());

    const create = async (request: { limits?: SandboxLimits; park?: readonly string[]; owner?: string } = {}) => {
      const sandbox = await candidate.backend.create({ template: candidate.template, limits, ...request });
      onTestFinished(() => sandbox.destroy());
      return sandbox;
    };

    it('tells its traits', () => {
      const { adjustable, warmUnit } = candidate.backend.traits;
      expect(Object.keys(limits)).toEqual(expect.arrayContaining([...adjustable]));
      expect(['fork', 'checkpoint', 'snapshot', 'boot']).toContain(warmUnit);
    });

    it('counts the sandboxes that are alive, and destroys one once', async () => {
      const before = candidate.backend.live;
      const sandbox = await create();
      expect(candidate.backend.live).toBe(before + 1);
      expect(sandbox.ended).toBe(false);
      await Promise.all([sandbox.destroy(), sandbox.destroy()]);
      expect(candidate.backend.live).toBe(before);
      await sandbox.exited;
      expect(sandbox.ended).toBe(true);
      await sandbox.link.send(orders.warm());
    });

    it('refuses a template that does not exist', async () => {
      await expect(candidate.backend.create({ template: 'nonsense', limits })).rejects.toThrow('nonsense');
    });

    describe('a program', () => {
      it.each<[string, readonly Deed[], { code: number | null; signal: string | null }]>([
        ['that ends by itself', [], { code: 0, signal: null }],
        ['that fails', [{ do: 'exit', code: 7 }], { code: 7, signal: null }],
        ['that is killed', [{ do: 'die', signal: 'TERM' }], { code: null, signal: 'SIGTERM' }],
      ])('%s is reported as it ended', async (_, deeds, ended) => {
        const transcript = start(await create(), deeds);
        expect(await transcript.heard('done')).toMatchObject({ token: 'token', ...ended });
      });

      it('has everything it printed delivered before its end', async () => {
        const deeds: Deed[] = [
          { do: 'pour', bytes: 300_000 },
          { do: 'complain', text: 'problem' },
          { do: 'print', text: 'last' },
        ];
        const transcript = start(await create(), deeds);
        await transcript.heard('done');
        expect(transcript.said.at(-1)).toBe('done');
        expect(transcript.stdout).toHaveLength(300_004);
        expect(transcript.stdout.endsWith('xlast')).toBe(true);
        expect(transcript.stderr).toBe('problem');
      });

      it('finds the files that were written before it started', async () => {
        const content = Buffer.from('staged');
        async function* stream() {
          yield content.subarray(0, 2);
          yield content.subarray(2);
        }
        const files = [
          orders.write({ path: 'a/b.txt', mode: 0o644, content }),
          orders.writeStream({ path: 'c.txt', mode: 0o644, size: content.length }, stream()),
        ];
        const transcript = start(
          await create(),
          [
            { do: 'show', path: 'a/b.txt' },
            { do: 'show', path: 'c.txt' },
          ],
          files,
        );
        await transcript.heard('done');
        expect(transcript.stdout).toBe('stagedstaged');
      });

      it('does not start when its files do not fit', async () => {
        const sandbox = await create({ limits: { ...limits, workspaceBytes: MiB } });
        const large = orders.write({ path: 'large', mode: 0o644, content: Buffer.alloc(2 * MiB) });
        const transcript = start(sandbox, [{ do: 'print', text: 'never' }], [large]);
        expect((await transcript.heard('fault')).message).toMatch(/^large: No space/);
        expect(transcript.stdout).toBe('');
      });

      it('in a parked process gets its orders', async () => {
        const sandbox = await create({ park: ['sh', '-c', 'cat <&3 | tr -d " "', 'scripted: show orders'] });
        const transcript = new Transcript(sandbox);
        await sandbox.link.send(
          orders.run('token', { kind: 'parked', entry: '/mnt/data/x', args: ['1'], stays: true }),
        );
        await transcript.heard('done');
        expect(transcript.stdout).toBe('{"entry":"/mnt/data/x","args":["1"],"stays":true}');
      });
    });

    describe('freezing', () => {
      it('stops everything until the thaw, with what was written before delivered', async () => {
        const sandbox = await create();
        const transcript = start(sandbox, [{ do: 'chatter' }]);
        await transcript.until(() => transcript.stdout.length > 1000);
        await sandbox.freeze();
        const { length } = transcript.stdout;
        await sleep(100);
        expect(transcript.stdout).toHaveLength(length);
        await sandbox.thaw();
        await transcript.until(() => transcript.stdout.length > length);
      });

      it('of what is frozen, and thawing of what is not, change nothing', async () => {
        const sandbox = await create();
        await sandbox.thaw();
        await sandbox.freeze();
        await sandbox.freeze();
        await sandbox.thaw();
        const transcript = start(sandbox, [{ do: 'print', text: 'still here' }]);
        await transcript.heard('done');
        expect(transcript.stdout).toBe('still here');
      });

      it('does not keep a sandbox from being destroyed', async () => {
        const sandbox = await create();
        const transcript = start(sandbox, [{ do: 'wait' }]);
        await sandbox.link.flush();
        await sandbox.freeze();
        await sandbox.destroy();
        await sandbox.exited;
        expect(transcript.claims).toEqual([]);
      });
    });

    it('flushes what was written, and tells the new listener nothing of it', async () => {
      const sandbox = await create();
      const first = start(sandbox, [{ do: 'print', text: 'early' }]);
      await first.heard('done');
      await sandbox.link.flush();
      const second = new Transcript(sandbox);
      await sandbox.link.flush();
      expect([first.stdout, second.said]).toEqual(['early', []]);
    });

    it('measures what a sandbox uses', async () => {
      const sandbox = await create();
      const { cpuMs, peakMemoryBytes, oomKills } = await sandbox.usage();
      expect([cpuMs >= 0, peakMemoryBytes >= 0, oomKills]).toEqual([true, true, 0]);
      const now = sandbox.usageNow()!;
      expect([now.cpuMs >= cpuMs, now.memoryBytes >= 0, now.workspaceBytes ?? 0]).toEqual([true, true, 0]);
      await sandbox.destroy();
      expect(sandbox.usageNow()).toBeUndefined();
    });

    it('adopts a parked sandbox under other limits where it can adjust them, and refuses where it cannot', async () => {
      const { adjustable } = candidate.backend.traits;
      for (const name of Object.keys(limits) as (keyof SandboxLimits)[]) {
        const sandbox: Sandbox = await create();
        const adopted = sandbox.adopt({ limits: { ...limits, [name]: limits[name] / 2 }, owner: 'ann' });
        if (adjustable.includes(name)) await adopted;
        else await expect(adopted).rejects.toMatchObject({ code: 'sandbox_unavailable' });
      }
    });

    it('serves cells, and says that one has started before its code runs', async () => {
      const sandbox = await create();
      await sandbox.adopt({ limits, owner: 'ann' });
      const transcript = new Transcript(sandbox);
      await sandbox.link.send(orders.serve());
      const code = Buffer.from(cellOf([{ do: 'print', text: 'cell' }]));
      const kernel = { id: 'python', start: candidate.kernel, folder: '.' };
      const cell = { kernel, language: 'python', code, tools: [] };
      await sandbox.link.send(orders.cell('cell', cell));
      expect(await transcript.heard('done')).toMatchObject({ token: 'cell', code: 0, interpreter: 'kept' });
      // What it has printed before somebody listens is heard first: the next cell shows that code runs later.
      expect(transcript.said.at(-1)).toBe('done');
      expect(transcript.said.toSorted()).toEqual(['done', 'started', 'stdout']);
      await sandbox.link.send(orders.cell('other', { ...cell, code: Buffer.from(cellOf([{ do: 'wait' }])) }));
      await transcript.until(() => transcript.claims.some((claim) => 'token' in claim && claim.token === 'other'));
      await sandbox.link.send(orders.kill('other'));
      await transcript.until(() => transcript.claims.filter(({ claim }) => claim === 'done').length === 2);
      expect(transcript.claims.at(-1)).toMatchObject({ token: 'other', signal: 'SIGKILL', interpreter: 'lost' });
    });

    describe('the pipes for much data', () => describeBulk(create));

    it('has no pipes for much data unless its supervisor is asked for them', async () => {
      const sandbox = await create();
      await expect(sandbox.link.bulk()).rejects.toThrow('no pipes');
    });

    describeWorkspace(create);
  });
}
