import { spawn } from 'node:child_process';
import { createHash, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer, text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { createDiskBytes, createSqliteRecords } from '../../src/stores/index.ts';

const writer = fileURLToPath(new URL('../fixtures/store-writer.ts', import.meta.url));
const rounds = 20;

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/**
 * Runs the writer and kills it with no warning, `lifeMs` after its first line where it is to get that far, after its start
 * otherwise; resolves with the lines it acknowledged.
 */
async function writeUntilKilled(directory: string, lifeMs: number, from: 'start' | 'first line'): Promise<string[]> {
  const child = spawn(process.execPath, [writer, directory], { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => setTimeout(() => child.kill('SIGKILL'), lifeMs);
  if (from === 'start') kill();
  else child.stdout.once('data', kill);
  const [output, complaint, [, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  expect({ signal, complaint }).toEqual({ signal: 'SIGKILL', complaint: '' });
  return output.split('\n').slice(0, -1);
}

/** Opens what the writer left and checks each acknowledgement against it. */
async function verify(directory: string, acknowledged: readonly string[]): Promise<void> {
  const files = createDiskBytes({ directory: join(directory, 'files') });
  const records = createSqliteRecords({ path: join(directory, 'records.db') });
  await files.start();
  await records.start();
  try {
    expect(await readdir(join(directory, 'files', 'incoming'))).toEqual([]);
    for (const line of acknowledged) {
      const [kind, first = '', second = '', digest = '', size] = line.split(' ');
      if (kind === 'key') {
        expect(await records.keys.findByHash(first)).toMatchObject({ hash: first, revokedAt: null });
        continue;
      }
      expect(await records.files.file(first, second)).toMatchObject({ file: { digest, size: Number(size) } });
      const bytes = await buffer(await files.open(digest));
      expect([bytes.byteLength, digestOf(bytes)]).toEqual([Number(size), digest]);
    }
  } finally {
    await records.close();
    await files.close();
  }
}

/** Each file with a digest for its name has these bytes, acknowledged or not, and the records name it: nothing leaks. */
async function verifyNames(directory: string): Promise<number> {
  let count = 0;
  using database = new DatabaseSync(join(directory, 'records.db'), { readOnly: true });
  const named = new Set(
    database
      .prepare('select digest from contents')
      .all()
      .map(({ digest }) => digest),
  );
  for (const entry of await readdir(join(directory, 'files'), { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const digest = digestOf(await readFile(path));
    expect(path.replaceAll('/', '').endsWith(digest)).toBe(true);
    expect(named.has(digest)).toBe(true);
    count++;
  }
  return count;
}

it(`loses nothing it acknowledged when it is killed, ${rounds} times`, { timeout: 120_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-crash-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const acknowledged: string[] = [];
  for (let round = 0; round < rounds; round++) {
    // A start takes longer than any fixed time where the machine is busy: most lives are counted from when it is over.
    const from = round % 4 === 0 ? 'start' : 'first line';
    const lines = await writeUntilKilled(directory, randomInt(from === 'start' ? 600 : 300), from);
    await verify(directory, lines);
    expect(await verifyNames(directory)).toBeGreaterThanOrEqual(0);
    acknowledged.push(...lines);
  }
  await verify(directory, acknowledged);
  expect(await verifyNames(directory)).toBeGreaterThan(0);
  expect(acknowledged.filter((line) => line.startsWith('file')).length).toBeGreaterThan(0);
});
