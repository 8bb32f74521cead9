import { expect, it } from 'vitest';
import type { StoredFile } from '../../core/index.ts';
import type { Files } from '../../service/index.ts';
import { ann, bob, storedRoom } from '../fixtures/room.ts';
import { refOf, UserFiles } from './user-files.ts';

const missing = () => Promise.reject(new Error('not part of this test'));
const store: Pick<Files, 'upload' | 'delete' | 'find' | 'open'> = {
  upload: missing,
  delete: missing,
  find: missing,
  open: missing,
};
const made = (name: string): StoredFile => ({
  id: 'f'.repeat(21),
  sessionId: 's'.repeat(21),
  name,
  size: 3,
  digest: '0'.repeat(64),
  contentType: 'text/plain',
  readOnly: false,
  source: 'program',
  createdAt: 1_767_323_045_000,
});

it('gives files of a session ids of their own, which their owner alone finds until they expire', async () => {
  const { owned, clock } = storedRoom(1000);
  const files = new UserFiles(owned, store, 'message_file');
  const others = new UserFiles(owned, store, 'openai_file');
  const [file, other] = await files.adopt(ann, [made('a.txt'), made('dir/b.txt')], 'output');
  expect(file!.id).not.toBe(other!.id);
  expect(await files.find(ann, file!.id)).toEqual(file);
  expect(file).toMatchObject({ name: 'a.txt', bytes: 3, contentType: 'text/plain', purpose: 'output' });
  expect(refOf(file!)).toMatchObject({ sessionId: 's'.repeat(21), fileId: 'f'.repeat(21) });
  const absent = { reason: 'file_not_found', isExpired: false };
  await expect(files.find(bob, file!.id)).rejects.toMatchObject(absent);
  await expect(others.find(ann, file!.id)).rejects.toMatchObject(absent);
  // The file of the session stays: the store is not asked.
  await files.delete(ann, other!.id);
  await expect(files.find(ann, other!.id)).rejects.toMatchObject(absent);
  clock.now += 2000;
  await expect(files.find(ann, file!.id)).rejects.toMatchObject({ reason: 'file_not_found', isExpired: true });
  await expect(files.find(bob, file!.id)).rejects.toMatchObject(absent);
});
