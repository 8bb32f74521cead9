import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { memoryRecords } from '../../../test/support/records.ts';
import { newId } from '../../core/index.ts';
import { createDiskBytes } from './disk.ts';
import { removeUnrecordedContents } from './disk-inventory.ts';

it('removes contents without a record, once', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-inventory-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const bytes = createDiskBytes({ directory });
  await bytes.start();
  const { contents } = memoryRecords();
  const put = async () => {
    const received = await bytes.receive(randomBytes(10), 10);
    await received.keep();
    return received;
  };
  const there = (digest: string) =>
    bytes.open(digest).then(
      (stream) => Boolean(stream.destroy()),
      () => false,
    );
  const stored = await Promise.all(Array.from({ length: 300 }, put));
  const known = stored.slice(0, 150);
  for (const { digest, size } of known) await contents.hold({ digest, size }, { id: newId(), expiresAt: 9 });
  await writeFile(join(directory, 'README'), 'mine');
  expect(await removeUnrecordedContents(directory, contents)).toBe(150);
  for (const [index, { digest }] of stored.entries()) expect(await there(digest)).toBe(index < 150);
  const later = await put();
  expect(await removeUnrecordedContents(directory, contents)).toBe(0);
  expect(await there(later.digest)).toBe(true);
});
