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

    it('passes over caches, unless a known file is in them', async () => {
      const deeds = [
        ...['.cache/x', 'a/__pycache__/x', '.ipynb_checkpoints/x', 'node_modules/.cache/x'].map((path) =>
          write(path, 'x'),
        ),
        write('.cache/z', 'new'),
      ];
      const workspace = await after(deeds, { '.cache/z': 'old' });
      const { files, truncated } = await contents(workspace, new Map([['.cache/z', known('old')]]));
      expect(files).toEqual({ '.cache/z': 'modified: new' });
      expect(truncated).toBe(false);
    });

    it('hands over hidden files and those in hidden folders, after all others', async () => {
      const made = ['.env', '.github/workflows/ci.yml', 'app/.config/a.json', 'b.txt', 'z.txt'];
      const workspace = await after(made.map((path) => write(path, 'x')));
      const { files } = await contents(workspace, nothing);
      expect(Object.keys(files)).toEqual(['b.txt', 'z.txt', '.env', '.github/workflows/ci.yml', 'app/.config/a.json']);
      const few = await contents(workspace, nothing, { files: 2 });
      expect([Object.keys(few.files), few.truncated]).toEqual([['b.txt', 'z.txt'], true]);
    });

    it('tells the permission bits of files, and counts other bits as a change', async () => {
      const deeds: Deed[] = [
        ...['tool', 'bits', 'secret', 'closed'].map((path) => write(path, 'x')),
        { do: 'chmod', path: 'tool', mode: 0o755 },
        { do: 'chmod', path: 'bits', mode: 0o7751 },
        { do: 'chmod', path: 'secret', mode: 0o600 },
        { do: 'chmod', path: 'staged', mode: 0o700 },
      ];
      const workspace = await after(deeds, { staged: 'same', same: 'same' });
      const since = new Map(['staged', 'same'].map((path) => [path, known('same', { mode: 0o644 })]));
      expect(await workspace.differs(new Map([...since].slice(0, 1)), usual)).toBe(true);
      const { files, unchanged, next } = await workspace.changes(since, usual);
      const modes = files.map(({ path, change, content }) => [path, change, content.mode.toString(8)]);
      for (const { content } of files) content.close();
      expect(modes).toEqual([
        ['staged', 'modified', '700'],
        ['bits', 'created', '751'],
        ['closed', 'created', '644'],
        ['secret', 'created', '600'],
        ['tool', 'created', '755'],
      ]);
      expect(unchanged).toEqual(['same']);
      expect(await workspace.differs(next, usual)).toBe(false);
      // Who knows no mode of a file does not ask for it.
      const contentOnly = await contents(workspace, new Map([['staged', known('same')]]));
      expect(contentOnly.unchanged).toEqual(['staged']);
    });

    it('names the folders that nothing is in', async () => {
      const deeds: Deed[] = [
        { do: 'folder', path: 'out/raw' },
        { do: 'folder', path: '.hidden' },
        { do: 'folder', path: 'cached/__pycache__' },
        write('full/x', 'x'),
      ];
      const workspace = await after(deeds);
      const { folders, next } = await contents(workspace, nothing);
      expect(folders).toEqual(['.hidden', 'cached', 'out/raw']);
      expect(await workspace.differs(next, usual)).toBe(false);
      expect(await workspace.differs(next, usual, folders)).toBe(false);
      expect(await workspace.differs(next, usual, ['out/raw'])).toBe(true);
    });

    it('gets folders, and files with their modes and times', async () => {
      const sandbox = await create();
      const body = async function* () {
        yield Buffer.from('x');
      };
      const modified = Date.UTC(2001, 1, 3, 4, 5, 6);
      const before = [
        orders.writeStream({ path: 'tool', mode: 0o750, size: 1, modified }, body()),
        orders.folder('tool'),
        orders.folder('out/raw'),
      ];
      await start(sandbox, [], before).heard('done');
      await sandbox.freeze();
      const { files, folders } = await sandbox.workspace.changes(nothing, usual);
      expect([files.map(({ path, content }) => [path, content.mode]), folders]).toEqual([
        [['tool', 0o750]],
        ['out/raw'],
      ]);
      for (const { content } of files) content.close();
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
