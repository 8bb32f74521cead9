import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';

interface Chunk {
  readonly file: string;
  readonly imports?: readonly string[];
  readonly css?: readonly string[];
}

const ui = new URL('../../../dist/ui/', import.meta.url);
const KB = 1000;

/** Bytes that are loaded for these chunks and all that they import, gzipped. */
function weight(names: readonly string[]): number {
  const manifest = JSON.parse(readFileSync(new URL('manifest.json', ui), 'utf8')) as Record<string, Chunk>;
  const files = new Set<string>();
  const add = (name: string) => {
    const chunk = manifest[name]!;
    if (files.has(chunk.file)) return;
    files.add(chunk.file);
    for (const css of chunk.css ?? []) files.add(css);
    for (const each of chunk.imports ?? []) add(each);
  };
  for (const name of names) add(name);
  return [...files].reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, ui)), { level: 9 }).length, 0);
}

export function budgetScenes(): void {
  it.each([
    ['sign-in', 60, []],
    ['playground', 140, ['src/chat/chat-view.tsx']],
    ['files', 140, ['src/files/files-page.tsx']],
    ['operator', 90, ['src/operator/operator-page.tsx']],
    ['notebook', 350, ['src/notebook/notebook-view.tsx']],
  ] as const)('the first load of %s is at most %i KB', (_, budget, views) => {
    expect(weight(['index.html', ...views])).toBeLessThan(budget * KB);
  });
}
