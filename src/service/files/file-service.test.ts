import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { noRates, plansWith } from '../../../test/support/http.ts';
import { memoryRecords } from '../../../test/support/records.ts';
import { DragomanError } from '../../core/index.ts';
import { createMemoryFileStore, type Records } from '../../stores/index.ts';
import type { UploadFile } from '../executions/interpreter.ts';
import { FileService } from './file-service.ts';

const hour = 3_600_000;
const principal = { id: 'p', tenant: 't', name: 'p' };
const request = { scope: { kind: 'user' }, readOnly: false, partial: false } as const;

let now: number;
let fileService: FileService;
let records: Records;
beforeEach(() => {
  now = Date.UTC(2026, 0, 1);
  const files = createMemoryFileStore();
  records = memoryRecords();
  fileService = new FileService({
    files,
    records,
    usage: { record() {} },
    plans: plansWith(noRates),
    maxFileBytes: 100,
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

describe('when the clock', () => {
  it('jumps ahead, what expired by it is gone', async () => {
    const [file] = await stored(files('a'));
    now += 25 * hour;
    await expect(fileService.find(principal, file!)).rejects.toMatchObject({ code: 'not_found' });
    expect(await fileService.expire(0)).toEqual({ sessions: 1, contents: 1 });
  });

  it('jumps ahead, so do documents', async () => {
    const document = { kind: 'k', tenant: 't', principalId: 'p', name: null, createdAt: now, body: {} };
    await records.documents.put({ ...document, id: 'short', expiresAt: now + hour });
    await records.documents.put({ ...document, id: 'long', expiresAt: now + 2 * hour });
    now += hour + 1;
    await fileService.expire(0);
    expect(await records.documents.get('k', 'short')).toBeUndefined();
    expect(await records.documents.get('k', 'long')).toBeDefined();
  });

  it('jumps ahead and back before anything was removed, nothing is', async () => {
    const [file] = await stored(files('a'));
    now += 25 * hour;
    now -= 25 * hour;
    expect(await fileService.expire(0)).toEqual({ sessions: 0, contents: 0 });
    expect(await fileService.find(principal, file!)).toMatchObject({ name: 'a' });
  });

  it('is set back, files stay and new ones can be stored', async () => {
    const [before] = await stored(files('a'));
    now -= 1000 * hour;
    const [after] = await stored(files('b'));
    await fileService.expire(0);
    for (const file of [before!, after!]) await fileService.open(await fileService.find(principal, file));
  });
});

describe('uploads of one owner', () => {
  /** One file of 100 bytes; `arrived` resolves when half of it is there, `go` lets the rest come. */
  function halting(size = 100) {
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
    const late = halting(2);
    expect(await stored(late.upload).catch((error) => error)).toMatchObject({
      code: 'quota_exceeded',
      message: expect.stringContaining('1000 of 1000 bytes are used'),
    });
    for (const { go } of under) go();
    const failed = (await Promise.all(ends)).filter((end) => end instanceof DragomanError);
    expect(new Set(failed.map(({ code }) => code))).toEqual(new Set(['quota_exceeded']));
    const { used, allowed } = await fileService.storage(principal);
    expect(used).toBeLessThanOrEqual(allowed);
    expect(used).toBe((20 - failed.length) * 100);
    const other = { ...principal, id: 'q' };
    expect((await fileService.upload(other, request, files('b'))).files).toHaveLength(1);
    // Nothing of those that failed is counted any more: what is left is there to the last byte.
    while ((await fileService.storage(principal)).used < allowed) await stored(whole(100));
    await expect(stored(whole(1))).rejects.toMatchObject({ code: 'quota_exceeded' });
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
    expect(await fileService.expire(0)).toEqual({ sessions: 0, contents: 0 });
    arrive();
    const [first] = await upload;
    expect(await Array.fromAsync(await fileService.open(await fileService.find(principal, first!)))).toEqual([
      Buffer.from('a'),
    ]);
  });

  it('spares a file that waits to be recorded while another of its session is', async () => {
    const session = fileService.session(principal, 'S'.repeat(21), request.scope);
    const put = (name: string) =>
      fileService.put(
        session,
        { name, contentType: '', readOnly: false, source: 'user', content: Buffer.from(name) },
        100,
      );
    const [slow, quick, never] = [await put('slow'), await put('quick'), await put('never')];
    await fileService.record(session, [quick]);
    fileService.release([never]);
    expect(await fileService.expire(0)).toEqual({ sessions: 0, contents: 1 });
    await fileService.revise(session, { added: [slow], superseded: [] });
    expect(await fileService.expire(0)).toEqual({ sessions: 0, contents: 0 });
    expect(await Array.fromAsync(await fileService.open(slow))).toEqual([Buffer.from('slow')]);
  });

  it('takes the contents of an upload that failed', async () => {
    await expect(stored(files('a', '../b'))).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await fileService.expire(0)).toEqual({ sessions: 0, contents: 1 });
  });
});
