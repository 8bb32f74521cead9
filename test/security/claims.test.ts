import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { inEachTier, ofOneTier, withoutSandbox } from '../tiers/files.ts';
import { claims } from './attack.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = 'test/security/';
const files = globSync(`${folder}*.test.ts`, { cwd: root }).filter((file) => !import.meta.filename.endsWith(file));
const text = (file: string) => readFileSync(`${root}/${file}`, 'utf8');
const attacked = (file: string) =>
  new Set([...text(file).matchAll(/\battacking\('([a-z]+)'(?:, [^)]+)?\)/g)].map(([, name]) => name!));

describe('SECURITY.md', () => {
  it('names for each claim the files of this folder that attack it, and no others', () => {
    const told = [...claims].map(([name, { tests }]) => [name, tests.filter((test) => test.startsWith(folder)).sort()]);
    const done = [...claims.keys()].map((name) => [name, files.filter((file) => attacked(file).has(name)).sort()]);
    expect(told).toEqual(done);
    expect(told.filter(([, tests]) => tests!.length === 0)).toEqual([]);
  });
});

describe('the tiers', () => {
  it('have each file of this folder run in all of them, or say why not', () => {
    const told = [...inEachTier, ...Object.keys(ofOneTier), ...withoutSandbox];
    const there = globSync(`${folder}*.test.ts`, { cwd: root }).map((file) =>
      file.slice(folder.length, -'.test.ts'.length),
    );
    expect(told.toSorted()).toEqual(there.sort());
  });
});

describe.each(files)('%s', (file) => {
  it('says of everything in it which claim it attacks', () => {
    const groups = text(file).match(/^(?:describe|it|test)\b[^;]*?=>/gm)!;
    expect(groups.filter((group) => !group.includes('attacking('))).toEqual([]);
  });
});
