import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { CgroupTree } from './cgroup.ts';
import { openV2 } from './v2.ts';

/** Files that the kernel does not let anyone write to. */
const refuses = vi.hoisted(() => new Set<string>());

/**
 * What the kernel does when its hierarchy is written to, for a folder that stands for one: a new group has its files and those of
 * the controllers its parent hands down; freezing and killing show in its events; only a group without processes or groups goes.
 */
vi.mock('node:fs', async (importActual) => {
  const fs = await importActual<typeof import('node:fs')>();
  const isGroup = (path: string) => fs.existsSync(join(path, 'cgroup.procs'));
  const text = (path: string) => fs.readFileSync(path, 'utf8');
  const fault = (code: string) => Object.assign(new Error(code), { code });
  const mkdirSync = (path: string, options?: object) => {
    const parent = dirname(path);
    const isNew = !fs.existsSync(path);
    fs.mkdirSync(path, options);
    if (!isNew || !isGroup(parent)) return;
    const controllers = text(join(parent, 'cgroup.subtree_control')).trim();
    const files: Record<string, string> = {
      'cgroup.procs': '',
      'cgroup.controllers': `${controllers}\n`,
      'cgroup.subtree_control': '\n',
      'cgroup.type': 'domain\n',
      'cgroup.events': 'populated 0\nfrozen 0\n',
      'cgroup.freeze': '0\n',
      'cgroup.kill': '',
      'cpu.stat': 'usage_usec 1500000\nuser_usec 1000000\n',
    };
    if (controllers.includes('memory'))
      Object.assign(files, {
        'memory.max': 'max\n',
        'memory.swap.max': 'max\n',
        'memory.current': '4096\n',
        'memory.peak': '8192\n',
        'memory.events': 'low 0\nmax 3\noom 2\noom_kill 1\n',
      });
    if (controllers.split(' ').includes('io')) files['io.max'] = '';
    if (controllers.includes('pids')) files['pids.max'] = 'max\n';
    if (controllers.includes('cpu')) Object.assign(files, { 'cpu.max': 'max 100000\n', 'cpu.weight': '100\n' });
    for (const [name, content] of Object.entries(files)) fs.writeFileSync(join(path, name), content);
  };
  const writeFileSync = (path: string, value: string) => {
    const group = dirname(path);
    if (!isGroup(group)) return fs.writeFileSync(path, value);
    // The kernel makes the files there.
    if (!fs.existsSync(path)) throw fault('ENOENT');
    const name = basename(path);
    if (name === 'cgroup.subtree_control') {
      const available = text(join(group, 'cgroup.controllers')).split(/\s+/);
      const wanted = value.split(' ').map((word) => word.slice(1));
      if (!wanted.every((word) => available.includes(word))) throw fault('ENOENT');
      // A group with processes of its own hands nothing down, but for the root.
      if (text(join(group, 'cgroup.procs')).trim() !== '' && fs.existsSync(join(group, 'cgroup.type')))
        throw fault('EBUSY');
      const before = text(path).trim().split(' ').filter(Boolean);
      return fs.writeFileSync(path, `${[...new Set([...before, ...wanted])].join(' ')}\n`);
    }
    if (name === 'cgroup.procs') {
      const [, root] = /^(.*?\/fake-[^/]*)/.exec(group)!;
      for (const other of fs.globSync(`${root}/**/cgroup.procs`))
        fs.writeFileSync(other, text(other).replace(new RegExp(`^${value}\n`, 'm'), ''));
      return fs.appendFileSync(path, `${value}\n`);
    }
    fs.writeFileSync(path, `${value}\n`);
    const events = join(group, 'cgroup.events');
    if (name === 'cgroup.freeze') fs.writeFileSync(events, text(events).replace(/frozen \d/, `frozen ${value}`));
    if (name === 'cgroup.kill') fs.writeFileSync(join(group, 'cgroup.procs'), '');
  };
  const rmdirSync = (path: string) => {
    if (!isGroup(path)) return fs.rmdirSync(path);
    const isBusy =
      text(join(path, 'cgroup.procs')).trim() !== '' ||
      fs.readdirSync(path, { withFileTypes: true }).some((entry) => entry.isDirectory());
    if (isBusy) throw fault('EBUSY');
    fs.rmSync(path, { recursive: true });
  };
  const writeSync = (fd: number, value: string) => {
    const path = fs.readlinkSync(`/proc/self/fd/${fd}`);
    if (refuses.has(basename(path))) throw fault('EINVAL');
    // Whatever is written, it counts from the present use.
    if (basename(path) === 'memory.peak') fs.writeFileSync(path, text(join(dirname(path), 'memory.current')));
    else writeFileSync(path, value);
  };
  return { ...fs, default: fs, mkdirSync, writeFileSync, writeSync, rmdirSync };
});
vi.mock('node:fs/promises', async (importActual) => {
  const { writeFileSync } = await import('node:fs');
  const writeFile = async (path: string, value: string) => writeFileSync(path, value);
  return { ...(await importActual<typeof import('node:fs/promises')>()), writeFile };
});

const limits = { memoryBytes: 512 << 20, processes: 64, cpus: 1.5 };
let mount: string;
let tree: CgroupTree | undefined;

/** A hierarchy of which this process has `path` for its own, with processes in it. */
async function kernel(path: string, controllers = 'cpuset cpu io memory pids'): Promise<void> {
  const fs = await vi.importActual<typeof import('node:fs')>('node:fs');
  mount = mkdtempSync(join(tmpdir(), 'fake-cgroup2-'));
  const files = { 'cgroup.controllers': `${controllers}\n`, 'cgroup.subtree_control': '\n', 'cgroup.procs': '' };
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(join(mount, name), content);
  if (path === '/') return;
  fs.writeFileSync(join(mount, 'cgroup.subtree_control'), `${controllers}\n`);
  const { mkdirSync } = await import('node:fs');
  mkdirSync(join(mount, path));
  fs.writeFileSync(join(mount, path, 'cgroup.procs'), '11\n12\n');
}

beforeEach(() => {
  refuses.clear();
  tree = undefined;
});
afterEach(async () => {
  await tree?.close();
  rmSync(mount, { recursive: true, force: true });
});

const open = async (path: string, uid: number) => {
  tree = await openV2({ uid, v1: new Map(), v2: { mount, path }, version: 2 });
  return tree;
};
const read = (...parts: string[]) => readFileSync(join(mount, ...parts), 'utf8').trim();
/** What a sandbox leaves in these files of its group. */
const use = async (at: string, files: Readonly<Record<string, string>>) => {
  const { writeFileSync } = await vi.importActual<typeof import('node:fs')>('node:fs');
  for (const [name, content] of Object.entries(files)) writeFileSync(join(mount, at, name), content);
};
const groups = (at: string) =>
  readdirSync(at, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

describe('reads from a disk', () => {
  it('are bounded for all sandboxes together', async () => {
    await kernel('/');
    const tree = await open('/', 0);
    const place = tree.boundReads('254:0', 1000);
    place(11);
    const group = tree.take(limits);
    const [server] = groups(join(mount, 'dragoman'));
    expect(read('dragoman', server!, 'io.max')).toBe('254:0 rbps=1000');
    await group.release();
  });

  it('are not where the controller is not delegated, which is told and harms nothing else', async () => {
    await kernel('/user', 'cpu memory pids');
    const tree = await open('/user', 1000);
    expect(() => tree.boundReads('254:0', 1000)).toThrow('the cgroup v2 controller io is not available in ');
    await tree.take(limits).release();
  });
});

describe('a sandbox’s group', () => {
  it('has its limits, other ones later, and no swap', async () => {
    await kernel('/');
    const group = (await open('/', 0)).take(limits);
    const [server] = groups(join(mount, 'dragoman'));
    const at = join('dragoman', server!, '1');
    expect(read(at, 'memory.max')).toBe(String(512 << 20));
    expect(read(at, 'memory.swap.max')).toBe('0');
    expect(read(at, 'pids.max')).toBe('64');
    expect(read(at, 'cpu.max')).toBe('150000 100000');
    group.limit({ memoryBytes: 1 << 30, processes: 200, cpus: 0.25 });
    expect([read(at, 'memory.max'), read(at, 'pids.max'), read(at, 'cpu.max')]).toEqual([
      String(1 << 30),
      '200',
      '25000 100000',
    ]);
    group.weigh(10);
    expect(read(at, 'cpu.weight')).toBe('10');
    await group.release();
    // No process was ever in it, and one may still be on its way.
    expect(groups(join(mount, 'dragoman', server!))).toEqual([]);
  });

  it('takes its process, stands still, goes on, tells what it used, and ends whatever is in it', async () => {
    await kernel('/');
    const group = (await open('/', 0)).take(limits);
    const [server] = groups(join(mount, 'dragoman'));
    const at = join('dragoman', server!, '1');
    await group.place({ pid: 4242, confined: Promise.resolve() });
    expect(read(at, 'cgroup.procs')).toBe('4242');
    await group.freeze();
    expect(read(at, 'cgroup.freeze')).toBe('1');
    group.thaw();
    expect(read(at, 'cgroup.freeze')).toBe('0');
    await use(at, {
      'cpu.stat': 'usage_usec 3000000\n',
      'memory.events': 'oom 4\noom_kill 3\n',
      'memory.peak': '9000\n',
    });
    expect(group.usage()).toEqual({ cpuMs: 1500, peakMemoryBytes: 9000, oomKills: 2 });
    await use(at, { 'cgroup.events': 'populated 1\nfrozen 0\n' });
    await group.release();
    expect(existsSync(join(mount, at))).toBe(false);
  });

  it('is used again once it is empty, and then counts from zero with nothing left of the one before', async () => {
    await kernel('/');
    const tree = await open('/', 0);
    const first = tree.take(limits);
    const at = join('dragoman', groups(join(mount, 'dragoman'))[0]!, first.name);
    await first.place({ pid: 4242, confined: Promise.resolve() });
    first.weigh(10);
    await first.freeze();
    await use(at, { 'cpu.stat': 'usage_usec 3000000\n', 'memory.events': 'oom_kill 3\n', 'memory.peak': '9000\n' });
    await use(at, { 'cgroup.procs': '', 'cgroup.events': 'populated 0\nfrozen 1\n' });
    await first.release();
    const second = tree.take({ ...limits, processes: 7 });
    expect(second.name).toBe(first.name);
    expect([read(at, 'pids.max'), read(at, 'cpu.weight'), read(at, 'cgroup.freeze')]).toEqual(['7', '100', '0']);
    expect(second.usage()).toEqual({ cpuMs: 0, peakMemoryBytes: 4096, oomKills: 0 });
    await second.release();
  });

  it.each([
    ['a process is in it', { 'cgroup.procs': '7\n', 'cgroup.events': 'populated 1\nfrozen 0\n' }],
    ['it is frozen', { 'cgroup.events': 'populated 0\nfrozen 1\n' }],
    ['it holds memory', { 'memory.current': `${16 << 20}\n` }],
  ])('is not used again when %s', async (_, files) => {
    await kernel('/');
    const tree = await open('/', 0);
    const group = tree.take(limits);
    const at = join('dragoman', groups(join(mount, 'dragoman'))[0]!, group.name);
    await group.place({ pid: 4242, confined: Promise.resolve() });
    await use(at, { 'cgroup.procs': '', ...files });
    await group.release();
    expect(existsSync(join(mount, at))).toBe(false);
    const next = tree.take(limits);
    expect(next.name).not.toBe(group.name);
    await next.release();
  });

  it('is not used again where the kernel cannot count a peak anew, and tells the present use where it knows none', async () => {
    await kernel('/');
    const tree = await open('/', 0);
    const group = tree.take(limits);
    const at = join('dragoman', groups(join(mount, 'dragoman'))[0]!, group.name);
    refuses.add('memory.peak');
    const other = tree.take(limits);
    await other.place({ pid: 4243, confined: Promise.resolve() });
    await use(join(at, '..', other.name), { 'cgroup.procs': '' });
    await other.release();
    expect(existsSync(join(mount, at, '..', other.name))).toBe(false);
    await group.release();
  });
});

describe('a server', () => {
  it('without power over the whole hierarchy uses what was delegated to it, and moves into a leaf', async () => {
    await kernel('app.scope');
    (await open('/app.scope', 1000)).take(limits);
    expect(read('app.scope', 'cgroup.procs')).toBe('');
    expect(read('app.scope/dragoman.server', 'cgroup.procs')).toBe('11\n12');
    expect(read('app.scope', 'cgroup.subtree_control').split(' ').sort()).toEqual(['cpu', 'io', 'memory', 'pids']);
    const [server] = groups(join(mount, 'app.scope')).filter(
      (name) => name.startsWith('dragoman.') && name !== 'dragoman.server',
    );
    await tree!.take(limits).release();
    for (const name of groups(join(mount, 'app.scope', server!)))
      rmSync(join(mount, 'app.scope', server!, name), { recursive: true });
  });

  it('sweeps what a killed one left, those alive too', async () => {
    await kernel('/');
    await (await open('/', 0)).close();
    const { mkdirSync, writeFileSync } = await import('node:fs');
    for (const path of ['dragoman.1.1', 'dragoman.1.1/a', 'dragoman.1.1/b']) mkdirSync(join(mount, 'dragoman', path));
    writeFileSync(join(mount, 'dragoman/dragoman.1.1/a/cgroup.procs'), '999999');
    const { swept } = await open('/', 0);
    expect(swept).toEqual({ sandboxes: 2, processes: 1 });
    expect(groups(join(mount, 'dragoman')).filter((name) => name === 'dragoman.1.1')).toEqual([]);
  });

  it('starts although something of a killed one cannot die yet', { timeout: 20_000 }, async () => {
    await kernel('/');
    await (await open('/', 0)).close();
    const { mkdirSync, writeFileSync } = await import('node:fs');
    for (const path of ['dragoman.1.1', 'dragoman.1.1/a', 'dragoman.1.1/b']) mkdirSync(join(mount, 'dragoman', path));
    writeFileSync(join(mount, 'dragoman/dragoman.1.1/a/cgroup.procs'), '999999');
    rmSync(join(mount, 'dragoman/dragoman.1.1/a/cgroup.kill'));
    // Its deadline of seconds comes sooner.
    vi.useFakeTimers({ toFake: ['performance'] });
    const clock = setInterval(() => vi.advanceTimersByTime(200), 5);
    onTestFinished(() => {
      clearInterval(clock);
      vi.useRealTimers();
    });
    expect((await open('/', 0)).swept).toEqual({ sandboxes: 2, processes: 1 });
    expect(groups(join(mount, 'dragoman/dragoman.1.1'))).toEqual(['a']);
  });

  it('says which controllers it lacks', async () => {
    await kernel('/', 'cpu io');
    await expect(open('/', 0)).rejects.toThrow('memory, pids are not available');
  });
});
