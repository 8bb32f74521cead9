import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeEach, describe, expect, it } from 'vitest';
import { noRates, plansWith } from '../../../test/support/http.ts';
import { memoryRecords } from '../../../test/support/records.ts';
import { DragomanError, newId, type Plan } from '../../core/index.ts';
import { type Bytes, createFileStore, createMemoryBytes, type Records } from '../../stores/index.ts';
import { FileService } from './file-service.ts';
import type { UploadFile } from './files.ts';

const hour = 3_600_000;
const block = 4096;
const principal = { id: 'p', tenant: 't', name: 'p' };
const request = { scope: { kind: 'user' }, readOnly: false, partial: false } as const;

let now: number;
let bytes: Bytes;
let quota: { -readonly [Name in keyof Plan]: Plan[Name] };
let fileService: FileService;
let records: Records;
beforeEach(() => {
  now = Date.UTC(2026, 0, 1);
  bytes = createMemoryBytes();
  quota = { ...plansWith(noRates).get('default')!, storedBytes: 20 * block };
  records = memoryRecords();
  const { contents, leases } = records;
  const files = createFileStore({ bytes, contents, leases, now: () => now });
  fileService = new FileService({
    files,
    records,
    usage: { record() {} },
    plans: new Map([['default', quota]]),
    maxFileBytes: 10 * block,
    maxUploadFiles: 3,
    retentionMs: 24 * hour,
    now: () => now,
  });
});

async function* files(...names: string[]): AsyncGenerator<UploadFile> {
  for (const name of names) yield { name, contentType: 'text/plain', content: Readable.from([Buffer.from(name)]) };
}

async function stored(names: AsyncIterable<UploadFile>) {
  const { sessionId, files } = await fileService.upload(principal, request, names);
  return files.flatMap((outcome) =>
    'stored' in outcome ? [{ sessionId, fileId: outcome.stored.id, scope: request.scope }] : [],
  );
}

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex');

describe('a deleted file', () => {
  it('is gone from the disk when its deletion is answered, unless another file has its bytes', async () => {
    const [first, second] = [await stored(files('same')), await stored(files('same'))];
    await fileService.delete(principal, first[0]!);
    await buffer(await bytes.open(digestOf('same')));
    await fileService.delete(principal, second[0]!);
    await expect(bytes.open(digestOf('same'))).rejects.toMatchObject({ code: 'not_found' });
  });

  it('that is copied meanwhile makes the copy not found', async () => {
    const [ref] = await stored(files('original'));
    const set = fileService.newSet(principal, newId(), request.scope);
    const copy = fileService.copy(set, 'copy', await fileService.find(principal, ref!));
    await fileService.delete(principal, ref!);
    await expect(fileService.record(set, [copy])).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('when the clock', () => {
  it('jumps ahead, what expired by it is gone', async () => {
    const [file] = await stored(files('a'));
    now += 25 * hour;
    await expect(fileService.find(principal, file!)).rejects.toMatchObject({ code: 'not_found' });
    expect(await fileService.expire()).toEqual({ sets: 1, contents: 1 });
  });

  it('jumps ahead and back before anything was removed, nothing is', async () => {
    const [file] = await stored(files('a'));
    now += 25 * hour;
    now -= 25 * hour;
    expect(await fileService.expire()).toEqual({ sets: 0, contents: 0 });
    expect(await fileService.find(principal, file!)).toMatchObject({ name: 'a' });
  });

  it('is set back, files stay and new ones can be stored', async () => {
    const [before] = await stored(files('a'));
    now -= 1000 * hour;
    const [after] = await stored(files('b'));
    await fileService.expire();
    for (const file of [before!, after!]) await fileService.content((await fileService.find(principal, file)).digest);
  });
});

describe('uploads of one owner', () => {
  /** One file of two blocks; `arrived` resolves when half of it is there, `go` lets the rest come. */
  function halting(size = 2 * block) {
    const arrived = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    async function* content() {
      yield Buffer.alloc(size / 2);
      arrived.resolve();
      await go.promise;
      yield Buffer.alloc(size / 2);
    }
    async function* upload(): AsyncGenerator<UploadFile> {
      yield { name: 'a', contentType: '', content: content() };
    }
    return { arrived: arrived.promise, go: go.resolve, upload: upload() };
  }

  it('are refused while others that are still arriving leave no room, and not when these have failed', async () => {
    const under = Array.from({ length: 20 }, () => halting());
    const ends = under.map(({ upload }) => stored(upload).catch((error) => error));
    await Promise.all(under.map(({ arrived }) => arrived));
    const late = halting();
    expect(await stored(late.upload).catch((error) => error)).toMatchObject({
      code: 'quota_exceeded',
      message: expect.stringContaining(`${20 * block} of ${20 * block} bytes are used`),
    });
    for (const { go } of under) go();
    const failed = (await Promise.all(ends)).filter((end) => end instanceof DragomanError);
    expect(new Set(failed.map(({ code }) => code))).toEqual(new Set(['quota_exceeded']));
    const { used, allowed } = await fileService.storage(principal);
    expect(used).toBeLessThanOrEqual(allowed);
    expect(used).toBe((20 - failed.length) * 2 * block);
    const other = { ...principal, id: 'q' };
    expect((await fileService.upload(other, request, files('b'))).files).toHaveLength(1);
    // Nothing of the failed uploads counts any more: the rest of the quota is free to the last block.
    while ((await fileService.storage(principal)).used < allowed) await stored(whole(1));
    await expect(stored(whole(0))).rejects.toMatchObject({ code: 'quota_exceeded' });
  });

  it('are refused beyond a number of files, those that are still arriving included', async () => {
    quota.storedFiles = 3;
    await stored(files('a', 'b'));
    const slow = halting();
    const end = stored(slow.upload);
    await slow.arrived;
    const refused = { code: 'quota_exceeded', message: expect.stringContaining('3 of 3 files are stored') };
    await expect(stored(files('c'))).rejects.toMatchObject(refused);
    slow.go();
    await end;
    await expect(stored(files('c'))).rejects.toMatchObject(refused);
    quota.storedFiles = 4;
    await stored(files('c'));
  });
});

async function* whole(size: number): AsyncGenerator<UploadFile> {
  yield { name: 'whole', contentType: '', content: Readable.from([Buffer.alloc(size)]) };
}

describe('a sweep that takes everything to be old', () => {
  it('spares the contents of an upload under way', async () => {
    const { promise: second, resolve: arrive } = Promise.withResolvers<void>();
    const upload = stored(
      (async function* () {
        yield* files('a');
        await second;
        yield* files('b');
      })(),
    );
    await new Promise(setImmediate);
    expect(await fileService.expire()).toEqual({ sets: 0, contents: 0 });
    arrive();
    const [first] = await upload;
    expect(
      await Array.fromAsync(await fileService.content((await fileService.find(principal, first!)).digest)),
    ).toEqual([Buffer.from('a')]);
  });

  it('spares a file that waits to be recorded while another of its session is', async () => {
    const session = fileService.newSet(principal, 'S'.repeat(21), request.scope);
    const put = (name: string) =>
      fileService.put(
        session,
        { name, contentType: '', readOnly: false, source: 'user', content: Buffer.from(name) },
        100,
      );
    const [slow, quick, never] = [await put('slow'), await put('quick'), await put('never')];
    await fileService.record(session, [quick]);
    fileService.release([never]);
    await fileService.expire();
    await expect(bytes.open(never.digest)).rejects.toMatchObject({ code: 'not_found' });
    await fileService.revise(session, { added: [slow], superseded: [] });
    expect(await fileService.expire()).toEqual({ sets: 0, contents: 0 });
    expect(await Array.fromAsync(await fileService.content(slow.digest))).toEqual([Buffer.from('slow')]);
  });

  it('takes the contents of an upload that failed', async () => {
    await expect(stored(files('a', '../b'))).rejects.toMatchObject({ code: 'invalid_request' });
    await fileService.collect();
    await expect(bytes.open(digestOf('a'))).rejects.toMatchObject({ code: 'not_found' });
  });
});
