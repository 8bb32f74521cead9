import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { allSettings, clientVariables } from '../../src/config/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = (file: string) => readFileSync(join(root, file), 'utf8');
const found = (page: string, pattern: RegExp) => [...page.matchAll(pattern)].map((match) => match[1]!);

const pages = globSync(['*.md', 'docs/**/*.md', 'images/**/*.md'], { cwd: root }).sort();
const scripts = Object.keys(JSON.parse(text('package.json')).scripts);
const code = globSync('src/**/*.ts', { cwd: root }).map(text).join('\n');
const benches = found(text('bench/run.ts').split('= {')[1]!.split('\n};')[0]!, /^ {2}(\w+)[:,]/gm);

describe.each(pages)('%s', (file) => {
  const page = text(file);

  it('links to what exists', () => {
    const links = found(page, /\]\(([^)#\s]+)(?:#[^)]*)?\)/g).filter((link) => !/^[a-z]+:/.test(link));
    expect(links.filter((link) => !existsSync(resolve(root, dirname(file), link)))).toEqual([]);
  });

  it('names files and folders that exist', () => {
    const named = found(
      page,
      /(?<![\w./-])((?:test|bench|src|guest|runtimes|images|scripts|docs|deploy)\/[\w./-]*\w\/?)/g,
    );
    expect(named.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  });

  it('names settings, metrics, scripts and benchmarks that exist', () => {
    const secrets = allSettings.filter(({ secret }) => secret).map(({ name }) => `${name}_FILE`);
    const settings = ['DRAGOMAN_CONFIG', ...clientVariables, ...allSettings.map(({ name }) => name), ...secrets];
    expect(found(page, /\b(DRAGOMAN_[A-Z][A-Z_]*[A-Z])\b/g).filter((name) => !settings.includes(name))).toEqual([]);
    const metrics = found(page, /`dragoman_([a-z_]+)`/g);
    expect(
      metrics.filter((name) => !new RegExp(`'(?:dragoman_)?${name.replace(/_total$/, '(?:_total)?')}'`).test(code)),
    ).toEqual([]);
    expect(found(page, /\bnpm run ([\w:]+)/g).filter((name) => !scripts.includes(name))).toEqual([]);
    expect(found(page, /\bnpm run bench -- (\w+)/g).filter((name) => !benches.includes(name))).toEqual([]);
  });
});

it('SPECIFICATION.md numbers its promises and names a test or benchmark for each', () => {
  const promises = text('SPECIFICATION.md')
    .split('\n')
    .filter((row) => /^\| \d/.test(row));
  expect(promises.map((row) => Number.parseInt(row.slice(2), 10))).toEqual(promises.map((_, index) => index + 1));
  expect(promises.filter((row) => !/(?:test|src)\/\S+\.test\.ts|npm run bench -- \w+/.test(row))).toEqual([]);
});

it('ARCHITECTURE.md has the table of rooms that the architecture test holds', () => {
  const told = found(text('ARCHITECTURE.md'), /^\| ([a-z][a-z, -]* \| [a-z, -]+) \|$/gm)
    .map((row) => row.split(' | ').map((cell) => cell.split(', ')) as [string[], string[]])
    .flatMap(([rooms, may]) => rooms.map((room) => [room, may.filter((word) => word !== 'nothing')]));
  const held = [...text('test/architecture.test.ts').matchAll(/^ {2}'?([\w-]+)'?: \[(.*)\],$/gm)].map(
    ([, room, may]) => [room, found(may!, /'([\w-]+)'/g)],
  );
  const composing = new Set(['room', 'main', 'roles', 'cli']);
  expect(Object.fromEntries(told.filter(([room]) => !composing.has(room as string)))).toEqual(Object.fromEntries(held));
});

describe('docs/reference/limits.md', () => {
  const rows = [...text('docs/reference/limits.md').matchAll(/^\|[^|]*\| `(DRAGOMAN_\w+)` \| (\S+) \| (?:`(\S+)`)?/gm)];

  it.each(rows.map(([, name, fallback, most]) => [name!, fallback!, most]))('tells of %s', (name, fallback, most) => {
    const setting = allSettings.find((setting) => setting.name === name)!;
    expect(fallback).toBe(setting.fallback);
    if (most === undefined) return;
    const more = most.replace(/\d+/, (digits) => String(Number(digits) + 1));
    const surroundings = { env: {}, isRoot: false, home: '/', isTerminal: false };
    const valid = (text: string) => 'value' in setting.read({ [name]: text }, surroundings);
    expect([valid(most), valid(more)]).toEqual([true, false]);
  });

  it('leaves out no limit', () => {
    const told = rows.map(([, name]) => name);
    const bounded = /^(?:Limits|Live sessions|Tool)/;
    const limits = allSettings.filter(({ section }) => bounded.test(section)).map(({ name }) => name);
    expect(limits.length).toBeGreaterThan(15);
    expect(limits.filter((name) => !told.includes(name))).toEqual([]);
  });
});
