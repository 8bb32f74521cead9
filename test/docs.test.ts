import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { settingNotes } from '../src/config.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = ['.', 'docs', 'docs/guides', 'docs/reference', 'docs/decisions', 'images'].flatMap((dir) =>
  readdirSync(join(root, dir))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(root, dir, name)),
);
const scripts = Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts);
const settings = settingNotes().map(({ name }) => name as string);

describe.each(pages.map((page) => [relative(root, page), readFileSync(page, 'utf8')]))('%s', (page, text) => {
  it('links to what exists', () => {
    const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1]!);
    const broken = links.filter((link) => !/^[a-z]+:/.test(link) && !existsSync(resolve(root, dirname(page), link)));
    expect(broken).toEqual([]);
  });

  it('names tests and benches that exist', () => {
    const named = [...text.matchAll(/\b(?:test|bench|src|guest|runtimes)\/[\w./-]+\.(?:ts|py|json)\b/g)].map(
      (match) => match[0],
    );
    expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it('names settings and scripts that exist', () => {
    const named = [...text.matchAll(/\bDRAGOMAN_[A-Z][A-Z_]*[A-Z]\b/g)].map((match) => match[0]);
    expect(named.filter((name) => !settings.includes(name))).toEqual([]);
    const commands = [...text.matchAll(/\bnpm run ([\w:]+)/g)].map((match) => match[1]!);
    expect(commands.filter((command) => !scripts.includes(command))).toEqual([]);
  });
});
