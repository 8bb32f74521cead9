import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { catalogue } from './fixtures/scripted-engine.ts';
import { KeptVersions } from './kept-versions.ts';

const { runtimes } = catalogue;
const told = new Map(
  runtimes.map(({ name, versions }) => [name, Object.fromEntries(Object.keys(versions).map((what) => [what, '1.2']))]),
);

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'dragoman-versions-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

it('versions are known again for the same image and languages, and for no other', () => {
  const path = join(folder(), 'below/versions.json');
  const kept = new KeptVersions(path, 'image', runtimes);
  expect(kept.read()).toBeUndefined();
  kept.write(told);
  expect(new KeptVersions(path, 'image', runtimes).read()).toEqual(told);
  expect(new KeptVersions(path, 'another', runtimes).read()).toBeUndefined();
  expect(new KeptVersions(path, 'image', runtimes.slice(1)).read()).toBeUndefined();
  expect(readdirSync(join(path, '..'))).toEqual(['versions.json']);
});

it('versions that are not whole are not kept, and a file that is none is passed over', () => {
  const path = join(folder(), 'versions.json');
  const kept = new KeptVersions(path, 'image', runtimes);
  kept.write(new Map([...told].slice(1)));
  kept.write(new Map([...told, [runtimes[0]!.name, {}]]));
  expect(kept.read()).toBeUndefined();
  writeFileSync(path, '{"of":1}');
  expect(kept.read()).toBeUndefined();
  // Where no folder can be.
  new KeptVersions(join(path, 'below/versions.json'), 'image', runtimes).write(told);
});
