import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { orders } from '../../../src/guest-protocol/index.ts';
import type { Baseline, CollectLimits, FileContent, KnownFile, Sandbox } from '../../../src/sandbox/index.ts';
import type { Deed } from './deeds.ts';
import { start } from './listen.ts';

const usual: CollectLimits = { entries: 500, depth: 10, files: 50, fileBytes: 1024 * 1024, totalBytes: 1024 ** 3 };
const nothing: Baseline = new Map();

const known = (text: string, more: Partial<KnownFile> = {}): KnownFile => ({
  size: Buffer.byteLength(text),
  digest: createHash('sha256').update(text).digest('hex'),
  ...more,
});
const textOf = async (content: FileContent) => Buffer.concat(await Array.fromAsync(content.read())).toString();
const write = (path: string, text: string): Deed => ({ do: 'write', path, text });

/** What every workspace has to do, of a sandbox that `create` makes. */
export function describeWorkspace(create: () => Promise<Sandbox>): void {
  describe('a workspace', () => {
    /** A frozen sandbox after a program that did this, with these files from the start. */
    const after = async (deeds: readonly Deed[], staged: Readonly<Record<string, string>> = {}) => {
      const sandbox = await create();
      const files = Object.entries(staged).map(([path, text]) =>
        orders.write({ path, mode: 0o644, content: Buffer.from(text) }),
      );
      await start(sandbox, deeds, files).heard('done');
      await sandbox.freeze();
      return sandbox.workspace;
    };
    const contents = async (workspace: Sandbox['workspace'], since: Baseline, limits: Partial<CollectLimits> = {}) => {
      const changes = await workspace.changes(since, { ...usual, ...limits });
      const files: Record<string, string> = {};
      for (const { path, change, content } of changes.files) {
        files[path] = `${change}: ${await textOf(content)}`;
        content.close();
      }
      return { ...changes, files };
    };

    it('differs from what is known only when something changed', async () => {
      const idle = await after([], { 'a.txt': 'a', 'b/c.txt': 'c' });
      const staged = new Map([
        ['a.txt', known('a')],
        ['b/c.txt', known('c')],
      ]);
      expect(await idle.differs(staged, usual)).toBe(false);
      expect(await idle.differs(nothing, usual)).toBe(true);
      expect(await idle.differs(new Map([...staged, ['gone.txt', known('x')]]), usual)).toBe(true);
      expect(await idle.differs(new Map([...staged, ['a.txt', known('b')]]), usual)).toBe(true);
      expect(await idle.differs(await idle.snapshot(usual), usual)).toBe(false);
    });

    it('hands over files that were created and modified, and names those that are gone or unchanged', async () => {
      const staged = {
        'same.txt': 'same',
        'changed.txt': 'old',
        'gone.txt': 'x',
        'fixed.txt': 'fixed',
        again: 'again',
      };
      const workspace = await after(
        [
          write('made/ü.txt', 'made'),
          write('empty', ''),
          write('changed.txt', 'new'),
          write('fixed.txt', 'other'),
          write('again', 'again'),
          { do: 'remove', text: 'gone.txt' },
        ],
        staged,
      );
      const since = new Map(
        Object.entries(staged).map(([path, text]) => [path, known(text, { readOnly: path === 'fixed.txt' })]),
      );
      const changes = await contents(workspace, since);
      expect(changes.files).toEqual({
        'changed.txt': 'modified: new',
        empty: 'created: ',
        'made/ü.txt': 'created: made',
      });
      expect(changes.gone).toEqual(['gone.txt']);
      expect([...changes.unchanged].sort()).toEqual(['again', 'fixed.txt', 'same.txt']);
      expect(changes.truncated).toBe(false);
      const next = await contents(workspace, changes.next);
      expect([next.files, next.gone]).toEqual([{}, []]);
      expect(await workspace.differs(changes.next, usual)).toBe(false);
    });

    it('passes over hidden folders and caches, unless a known file is in them', async () => {
      const deeds = [write('.cache/x', 'x'), write('__pycache__/y', 'y'), write('.env', 'e'), write('.in/z', 'new')];
      const workspace = await after(deeds, { '.in/z': 'old' });
      const { files, truncated } = await contents(workspace, new Map([['.in/z', known('old')]]));
      expect(files).toEqual({ '.env': 'created: e', '.in/z': 'modified: new' });
      expect(truncated).toBe(false);
    });

    it('leaves out files above the limits, says so, and hands over the rest with the next look', async () => {
      const workspace = await after([write('a', '1'), write('b', '2'), write('big', '123456'), write('c', '3')]);
      const first = await contents(workspace, nothing, { files: 2, fileBytes: 5 });
      expect([Object.keys(first.files), first.truncated]).toEqual([['a', 'b'], true]);
      const second = await contents(workspace, first.next, { files: 2, fileBytes: 5 });
      expect([Object.keys(second.files), second.truncated]).toEqual([['c'], true]);
      const few = await contents(workspace, nothing, { entries: 2 });
      expect([Object.keys(few.files).length <= 2, few.truncated]).toEqual([true, true]);
    });

    it('opens one file, and nothing where there is none', async () => {
      const workspace = await after([write('folder/file', 'text')]);
      const content = await workspace.open('folder/file');
      expect(content?.size).toBe(4);
      expect(await textOf(content!)).toBe('text');
      content!.close();
      expect(await workspace.open('folder')).toBeUndefined();
      expect(await workspace.open('none/such')).toBeUndefined();
    });
  });
}
