import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const src = fileURLToPath(new URL('../src', import.meta.url));

/** What each room may import; `main`, `roles` and `cli` compose and may import everything. The page for people is ARCHITECTURE.md. */
const allowed: Record<string, readonly string[]> = {
  core: [],
  config: ['core'],
  telemetry: ['core'],
  host: ['core'],
  images: ['core', 'host'],
  'guest-protocol': ['core'],
  sandbox: ['core', 'guest-protocol'],
  engine: ['core', 'guest-protocol', 'sandbox'],
  stores: ['core'],
  'event-log': ['core'],
  runner: ['core', 'event-log'],
  cluster: ['core', 'event-log', 'runner', 'service', 'stores'],
  worker: ['core', 'engine', 'event-log', 'runner'],
  service: ['core', 'event-log', 'runner', 'stores'],
  upstreams: ['core'],
  agent: ['core', 'service', 'upstreams'],
  assistant: ['core', 'agent', 'event-log', 'service'],
  http: ['core', 'service', 'agent'],
  dialects: ['core', 'service', 'agent', 'assistant', 'http'],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

/** The room of a file: its folder below src, or for a file directly there its name. */
function room(file: string): string {
  return relative(src, file)
    .split('/')[0]!
    .replace(/(\.test)?\.ts$/, '');
}

/** Of the program itself; tests and their fixtures may look anywhere. */
function imports(): Import[] {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.includes('/fixtures/'))
    .map((file) => join(src, file));
  return files.flatMap((from) => {
    const source = readFileSync(from, 'utf8');
    const specifiers = [...source.matchAll(/^(?:import|export)\b[^;]*?\bfrom '(\.[^']+)'/gms)].map(
      (match) => match[1]!,
    );
    return specifiers.map((specifier) => ({ from, to: resolve(dirname(from), specifier) }));
  });
}

const all = imports();
const name = ({ from, to }: Import) => `${relative(src, from)} -> ${relative(src, to)}`;

describe('the house', () => {
  it('has imports to look at', () => {
    expect(all.length).toBeGreaterThan(50);
  });

  it('lets a room import only the rooms below it', () => {
    const wrong = all.filter(({ from, to }) => {
      const [here, there] = [room(from), room(to)];
      return here !== there && here in allowed && !allowed[here]!.includes(there);
    });
    expect(wrong.map(name)).toEqual([]);
  });

  it('enters a room by its door alone', () => {
    const wrong = all.filter(({ from, to }) => {
      const inside = relative(src, to).split('/');
      return room(from) !== room(to) && inside.length > 1 && inside.slice(1).join('/') !== 'index.ts';
    });
    expect(wrong.map(name)).toEqual([]);
  });

  it('knows every room', () => {
    const rooms = new Set(all.map(({ from }) => room(from)));
    expect([...rooms].filter((room) => !(room in allowed) && !['main', 'cli', 'roles'].includes(room))).toEqual([]);
  });

  it('makes frames for the guest in one room', () => {
    const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    const makers = files.filter(
      (file) =>
        !file.endsWith('.test.ts') &&
        !file.includes('/fixtures/') &&
        /\bop: '/.test(readFileSync(join(src, file), 'utf8')),
    );
    const elsewhere = makers.filter((file) => !file.startsWith('guest-protocol/'));
    expect(elsewhere).toEqual(['sandbox/linux/fork-protocol.ts']);
  });

  it('has no cycle', () => {
    const graph = Map.groupBy(all, ({ from }) => from);
    const done = new Set<string>();
    const path: string[] = [];
    const visit = (file: string): void => {
      if (done.has(file)) return;
      const at = path.indexOf(file);
      if (at >= 0) throw new Error([...path.slice(at), file].map((file) => relative(src, file)).join(' -> '));
      path.push(file);
      for (const { to } of graph.get(file) ?? []) visit(to);
      path.pop();
      done.add(file);
    };
    for (const { from } of all) visit(from);
  });

  it('reads the environment in one place', () => {
    // main.ts sets the size of the thread pool before anything uses it.
    const readers = new Set(
      all.map(({ from }) => from).filter((file) => readFileSync(file, 'utf8').includes('process.env')),
    );
    expect(
      [...readers]
        .map((file) => relative(src, file))
        .filter((file) => !['config/config.ts', 'core/child-environment.ts', 'main.ts'].includes(file)),
    ).toEqual([]);
  });
});
