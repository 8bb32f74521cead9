import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { exec } from '../support/client.ts';
import { rawConnection } from '../support/http.ts';
import { LibreChatClient } from '../support/librechat.ts';
import { nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { atPace } from '../support/tier.ts';
import { type ScriptedUpstream, startUpstream } from '../support/upstream.ts';
import { attacking } from './attack.ts';

const KiB = 1024;
const block = 4 * KiB;
const quota = 256 * KiB;
const refusal = (used: number) => `The storage quota does not allow it: ${used} of ${quota} bytes are used.`;

describe('one key that stores without end', { ...attacking('storage'), timeout: atPace(120_000) }, () => {
  let directory: string;
  let env: Record<string, string>;
  let server: TestServer;
  let upstream: ScriptedUpstream;
  /** Each test has a key of its own, since what one has stored stays. */
  let key = '';
  let count = 0;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'dragoman-storage-'));
    // The users of sandboxes pass through it.
    chmodSync(directory, 0o711);
    const keys = Array.from({ length: 20 }, (_, index) => `small${index}`);
    const plans = {
      plans: { small: { stored_bytes: '256k' }, few: { stored_files: 5 } },
      keys: { ...Object.fromEntries(keys.map((name) => [name, 'small'])), few: 'few' },
    };
    writeFileSync(join(directory, 'plans.json'), JSON.stringify(plans));
    upstream = await startUpstream();
    env = {
      DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
      DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
      DRAGOMAN_UPSTREAM_MODEL: 'scripted-model',
      DRAGOMAN_PLANS: join(directory, 'plans.json'),
      DRAGOMAN_API_KEYS: [...keys, 'few', 'other'].map((name) => `${name}:${name}-secret`).join(','),
      DRAGOMAN_RATE_LIMITS: 'off',
      DRAGOMAN_RECORD_BYTES: '1m',
    };
    server = await startServer({ env, dataDir: join(directory, 'data') });
  });
  afterAll(async () => {
    await server?.stop();
    await upstream?.close();
    rmSync(directory, { recursive: true, force: true });
  });
  beforeEach(() => {
    key = `small${count++}-secret`;
  });

  const ours = () => ({ url: server.url, key });
  const clientOf = (apiKey: string) => new OpenAI({ apiKey, baseURL: `${server.url}/v1` });
  const content = (size: number) => Buffer.alloc(size, Math.random().toString());
  const uploadAs = (as: string, size: number) =>
    new LibreChatClient(`${server.url}/v1`, as).upload([{ name: 'a.bin', content: new Uint8Array(content(size)) }]);
  const stored = async () => {
    const { storage } = await nativeClient(ours()).json<{ storage: object }>('GET', '/usage');
    return storage;
  };
  const using = (bytes: number) => ({ bytes_used: bytes, bytes_allowed: quota });
  /** A key with room notices nothing. */
  const othersGoOn = async () => {
    expect((await uploadAs('other-secret', 2 * quota)).status).toBe(200);
    const { data } = await clientOf('other-secret').files.list();
    expect(data).toEqual([]);
  };

  it('is refused at every door in its own words, and no other key is', async () => {
    expect((await uploadAs(key, quota - block)).status).toBe(200);
    expect(await stored()).toEqual(using(quota - block));
    const text = expect.stringContaining(refusal(quota - block));
    expect(await uploadAs(key, 2 * block)).toMatchObject({ status: 400, body: { error: text } });
    const client = clientOf(key);
    const file = await toFile(content(2 * block), 'a.bin');
    const wire = { status: 413, code: 'quota_exceeded', type: 'invalid_request_error', error: { message: text } };
    await expect(client.files.create({ file, purpose: 'user_data' })).rejects.toMatchObject(wire);
    const container = await client.containers.create({ name: 'work' });
    await expect(client.containers.files.create(container.id, { file })).rejects.toMatchObject(wire);
    const native = nativeClient(ours());
    const session = await native.session();
    const put = await fetch(`${server.url}/v1/sessions/${session}/files/a.bin`, {
      method: 'PUT',
      headers: { 'x-api-key': key },
      body: new Uint8Array(content(2 * block)),
    });
    expect([put.status, await put.json()]).toEqual([413, { error: 'quota_exceeded', message: text }]);
    expect(await stored()).toEqual(using(quota - block));
    await othersGoOn();
  });

  it('cannot have more by copies of what is there already', async () => {
    const client = clientOf(key);
    const { id } = await client.files.create({ file: await toFile(content(100 * KiB), 'a.bin'), purpose: 'user_data' });
    await client.containers.create({ name: 'first', file_ids: [id] });
    await expect(client.containers.create({ name: 'second', file_ids: [id] })).rejects.toMatchObject({
      status: 413,
      code: 'quota_exceeded',
    });
    expect(await stored()).toEqual(using(200 * KiB));
  });

  it('cannot have more by uploading many at once', async () => {
    const ends = await Promise.all(Array.from({ length: 24 }, () => uploadAs(key, 40 * KiB)));
    const kept = ends.filter(({ status }) => status === 200).length;
    expect(kept).toBeLessThanOrEqual(6);
    expect(ends.filter(({ status }) => status === 400)).toHaveLength(24 - kept);
    expect(await stored()).toEqual(using(kept * 40 * KiB));
    // What was refused is not held against it: the rest of its room is there.
    for (let more = kept; more < 6; more++) expect((await uploadAs(key, 40 * KiB)).status).toBe(200);
    expect(await stored()).toEqual(using(240 * KiB));
    await othersGoOn();
  });

  const writes =
    "open('fits.bin', 'wb').write(b'a' * 1024)\nopen('toomuch.bin', 'wb').write(b'b' * 300 * 1024)\nprint('ran')";

  it('has the output of its programs all the same, and is told which files are not kept', async () => {
    const text = expect.stringContaining('Not kept: toomuch.bin. The storage quota does not allow it');
    expect(await exec(ours(), { lang: 'py', code: writes })).toMatchObject({
      httpStatus: 200,
      code: 0,
      stdout: 'ran\n',
      stderr: text,
      files: [{ name: 'fits.bin' }],
      artifact_delivery: { status: 'partial', attempted: 2, delivered: 1, failed: 1 },
    });
    expect(await stored()).toEqual(using(block));
  });

  it('has the output of its cells too, in sessions and without', async () => {
    const native = nativeClient(ours());
    const session = await native.session();
    const lost = [{ path: 'toomuch.bin', reason: expect.stringContaining('The storage quota does not allow it') }];
    const told = { outcome: 'completed', stdout: 'ran\n', artifacts: [{ path: 'fits.bin' }], artifacts_lost: 1, lost };
    expect(await native.cell(session, writes)).toMatchObject(told);
    expect(await native.json('POST', '/executions', { language: 'python', code: writes })).toMatchObject(told);
    expect(await stored()).toEqual(using(2 * block));
    // The session goes on, and a smaller file is kept again.
    const smaller = "import os\nprint(os.path.getsize('toomuch.bin'))\nopen('toomuch.bin', 'wb').write(b'c' * 1024)";
    const next = await native.cell(session, smaller);
    expect(next).toMatchObject({ state: 'continued', stdout: `${300 * KiB}\n`, artifacts: [{ path: 'toomuch.bin' }] });
  });

  it('is not held to what it began to send and gave up, at any door', async () => {
    const native = nativeClient(ours());
    const session = await native.session();
    const container = await clientOf(key).containers.create({ name: 'work' });
    const form =
      '--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n';
    const multipart = 'multipart/form-data; boundary=b';
    const doors = [
      ['POST', '/v1/upload', multipart, form],
      ['POST', '/v1/upload/batch', multipart, form],
      ['POST', '/v1/files', multipart, form],
      ['POST', `/v1/containers/${container.id}/files`, multipart, form],
      ['PUT', `/v1/sessions/${session}/files/f`, 'application/octet-stream', ''],
    ] as const;
    for (const [method, path, type, first] of doors) {
      const head = `${method} ${path} HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\ncontent-type: ${type}\r\ncontent-length: 1000000\r\n\r\n`;
      // While it arrives there is no room for another as large. Whichever is first is taken: again, until that was the slow one.
      for (let pauseMs = 50, status = 200; status !== 400; pauseMs *= 2) {
        expect(pauseMs).toBeLessThan(10_000);
        const { socket } = rawConnection(server.url);
        socket.write(head + first);
        socket.write(Buffer.alloc(200 * KiB));
        await sleep(pauseMs);
        status = await uploadAs(key, 100 * KiB).then(discarded);
        socket.resetAndDestroy();
      }
      await vi.waitUntil(async () => (await uploadAs(key, quota).then(discarded)) === 200, { timeout: atPace(20_000) });
    }
    expect(await stored()).toEqual(using(0));
    expect(readdirSync(join(directory, 'data', 'files', 'incoming'))).toEqual([]);
  });

  /** Removes what an upload has stored. @returns its status */
  async function discarded({ status, body }: Awaited<ReturnType<typeof uploadAs>>): Promise<number> {
    if (status !== 200) return status;
    const at = `/files/${body.storage_session_id}/${body.files[0]!.fileId}?kind=user&id=u`;
    expect((await new LibreChatClient(`${server.url}/v1`, key).request(at, { method: 'DELETE' })).status).toBe(200);
    return status;
  }

  it('is refused conversations, assistants and histories without end, and harms no other principal’s', async () => {
    const client = clientOf(key);
    const item = (size: number) => ({ type: 'message' as const, role: 'user' as const, content: 'x'.repeat(size) });
    const made: string[] = [];
    const full = async () => {
      for (;;) made.push((await client.conversations.create({ items: [item(200 * KiB)] })).id);
    };
    const wire = { status: 413, code: 'quota_exceeded', type: 'invalid_request_error' };
    await expect(full()).rejects.toMatchObject(wire);
    expect(made.length).toBe(5);
    // A response that cannot be kept is no answer; without keeping it is.
    upstream.always([{ text: 'said' }]);
    const request = {
      model: 'scripted-model',
      input: 'x'.repeat(40 * KiB),
      tools: [{ type: 'code_interpreter' as const, container: { type: 'auto' as const } }],
    };
    expect(await client.responses.create(request)).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('of 1048576 bytes that they may take') },
    });
    expect(await client.responses.create({ ...request, store: false })).toMatchObject({ output_text: 'said' });
    await expect(client.conversations.items.create(made[0]!, { items: [item(40 * KiB)] })).rejects.toMatchObject(wire);
    // Its programs run as ever, and what it cannot have written down is no loss of another's.
    const sessions = [nativeClient(ours()), nativeClient({ url: server.url, key: 'other-secret' })];
    const [mine, others] = await Promise.all(sessions.map((native) => native.session()));
    const code = `print(6 * 7)  # ${'x'.repeat(40 * KiB)}`;
    const cells = await Promise.all([sessions[0]!.cell(mine!, code), sessions[1]!.cell(others!, code)]);
    for (const cell of cells) expect(cell).toMatchObject({ outcome: 'completed', stdout: '42\n' });
    const cellsOf = async (native: (typeof sessions)[number], id: string) =>
      (await native.json<{ cells: unknown[] }>('GET', `/sessions/${id}/notebook`)).cells.length;
    expect(await cellsOf(sessions[1]!, others!)).toBe(1);
    expect(await cellsOf(sessions[0]!, mine!)).toBe(0);
    await client.conversations.delete(made[0]!);
    await client.conversations.create({ items: [item(150 * KiB)] });
  });

  it('is charged a block for each tiny file, an empty one included', async () => {
    const client = new LibreChatClient(`${server.url}/v1`, key);
    const tiny = Array.from({ length: 10 }, (_, index) => ({
      name: `${index}.txt`,
      content: new Uint8Array(Buffer.alloc(index % 2, 'x')),
    }));
    for (let round = 1; round <= 6; round++) {
      expect((await client.upload(tiny)).status).toBe(200);
      expect(await stored()).toEqual(using(round * 10 * block));
    }
    expect((await client.upload(tiny)).status).toBe(400);
  });

  it('cannot store more files than its plan allows, however small they are, and is told the number', async () => {
    const few = { url: server.url, key: 'few-secret' };
    const client = new LibreChatClient(`${few.url}/v1`, few.key);
    const upload = (name: string) => client.upload([{ name, content: new Uint8Array(1) }]);
    for (let count = 0; count < 4; count++) expect((await upload(`${count}`)).status).toBe(200);
    const code = 'for name in range(9):\n    open(str(name), "w").write(str(name))\nprint("ran")';
    expect(await exec(few, { lang: 'py', code })).toMatchObject({
      stdout: 'ran\n',
      stderr: expect.stringContaining('5 of 5 files are stored'),
      artifact_delivery: { status: 'partial', attempted: 9, delivered: 1, failed: 8 },
    });
    const error = expect.stringContaining('5 of 5 files are stored. Delete files');
    expect(await upload('more')).toMatchObject({ status: 400, body: { error } });
    expect((await uploadAs('other-secret', 10)).status).toBe(200);
  });

  it('leaves nothing on the disk of what it stores and deletes in a loop', { timeout: atPace(180_000) }, async () => {
    const bytesOnDisk = () =>
      readdirSync(join(directory, 'data', 'files'), { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile())
        .reduce((sum, { parentPath, name }) => sum + (statSync(join(parentPath, name), unlessGone)?.size ?? 0), 0);
    const unlessGone = { throwIfNoEntry: false } as const;
    const before = bytesOnDisk();
    const native = nativeClient(ours());
    for (let round = 0; round < 20; round++) {
      expect(await uploadAs(key, 200 * KiB).then(discarded)).toBe(200);
      expect(bytesOnDisk()).toBeLessThanOrEqual(before);
      const session = await native.session();
      await fetch(`${server.url}/v1/sessions/${session}/files/a.bin`, {
        method: 'PUT',
        headers: { 'x-api-key': key },
        body: new Uint8Array(content(200 * KiB)),
      });
      await native.send('DELETE', `/sessions/${session}`);
    }
    await vi.waitUntil(() => bytesOnDisk() <= before, { timeout: atPace(20_000) });
    expect(await stored()).toEqual(using(0));
  });

  it('has room again for what it deletes, and what it has is remembered over kill -9', async () => {
    const client = clientOf(key);
    const file = await client.files.create({ file: await toFile(content(100 * KiB), 'a.bin'), purpose: 'user_data' });
    const session = await nativeClient(ours()).session();
    await nativeClient(ours()).cell(session, "open('a', 'wb').write(b'a' * 48 * 1024)");
    expect(await stored()).toEqual(using(148 * KiB));
    await server.kill();
    server = await startServer({ env, dataDir: join(directory, 'data') });
    expect(await stored()).toEqual(using(148 * KiB));
    expect((await uploadAs(key, 109 * KiB)).status).toBe(400);
    await clientOf(key).files.delete(file.id);
    expect(await stored()).toEqual(using(48 * KiB));
    await nativeClient(ours()).send('DELETE', `/sessions/${session}`);
    expect(await stored()).toEqual(using(0));
    expect((await uploadAs(key, quota)).status).toBe(200);
  });
});
