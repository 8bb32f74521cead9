import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
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
import { type ScriptedUpstream, startUpstream } from '../support/upstream.ts';
import { attacking } from './attack.ts';

const KiB = 1024;
const quota = 256 * KiB;
const refusal = (used: number) => `The storage quota does not allow it: ${used} of ${quota} bytes are used.`;

describe('one key that stores without end', { ...attacking('storage'), timeout: 120_000 }, () => {
  let directory: string;
  let env: Record<string, string>;
  let server: TestServer;
  let upstream: ScriptedUpstream;
  /** Each test has a key of its own, since what one has stored stays. */
  let key = '';
  let count = 0;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'dragoman-storage-'));
    const keys = Array.from({ length: 20 }, (_, index) => `small${index}`);
    const plans = {
      plans: { small: { stored_bytes: '256k' } },
      keys: Object.fromEntries(keys.map((name) => [name, 'small'])),
    };
    writeFileSync(join(directory, 'plans.json'), JSON.stringify(plans));
    upstream = await startUpstream();
    env = {
      DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
      DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
      DRAGOMAN_UPSTREAM_MODEL: 'scripted-model',
      DRAGOMAN_PLANS: join(directory, 'plans.json'),
      DRAGOMAN_API_KEYS: [...keys, 'other'].map((name) => `${name}:${name}-secret`).join(','),
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
  /** Whoever has room is not told anything of it. */
  const othersGoOn = async () => {
    expect((await uploadAs('other-secret', 2 * quota)).status).toBe(200);
    const { data } = await clientOf('other-secret').files.list();
    expect(data).toEqual([]);
  };

  it('is refused at every door in its own words, and nobody else is', async () => {
    expect((await uploadAs(key, quota - KiB)).status).toBe(200);
    expect(await stored()).toEqual(using(quota - KiB));
    const text = expect.stringContaining(refusal(quota - KiB));
    expect(await uploadAs(key, 2 * KiB)).toMatchObject({ status: 400, body: { error: text } });
    const client = clientOf(key);
    const file = await toFile(content(2 * KiB), 'a.bin');
    const wire = { status: 413, code: 'quota_exceeded', type: 'invalid_request_error', error: { message: text } };
    await expect(client.files.create({ file, purpose: 'user_data' })).rejects.toMatchObject(wire);
    const container = await client.containers.create({ name: 'work' });
    await expect(client.containers.files.create(container.id, { file })).rejects.toMatchObject(wire);
    const native = nativeClient(ours());
    const session = await native.session();
    const put = await fetch(`${server.url}/v1/sessions/${session}/files/a.bin`, {
      method: 'PUT',
      headers: { 'x-api-key': key },
      body: new Uint8Array(content(2 * KiB)),
    });
    expect([put.status, await put.json()]).toEqual([413, { error: 'quota_exceeded', message: text }]);
    expect(await stored()).toEqual(using(quota - KiB));
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
    expect(await stored()).toEqual(using(KiB));
  });

  it('has the output of its cells too, in sessions and without', async () => {
    const native = nativeClient(ours());
    const session = await native.session();
    const lost = [{ path: 'toomuch.bin', reason: expect.stringContaining('The storage quota does not allow it') }];
    const told = { outcome: 'completed', stdout: 'ran\n', artifacts: [{ path: 'fits.bin' }], artifacts_lost: 1, lost };
    expect(await native.cell(session, writes)).toMatchObject(told);
    expect(await native.json('POST', '/executions', { language: 'python', code: writes })).toMatchObject(told);
    expect(await stored()).toEqual(using(2 * KiB));
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
      await vi.waitUntil(async () => (await uploadAs(key, quota).then(discarded)) === 200, { timeout: 20_000 });
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

  it('is refused conversations, assistants and histories without end, and harms nobody’s', async () => {
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

  it('has room again for what it deletes, and what it has is remembered over kill -9', async () => {
    const client = clientOf(key);
    const file = await client.files.create({ file: await toFile(content(100 * KiB), 'a.bin'), purpose: 'user_data' });
    const session = await nativeClient(ours()).session();
    await nativeClient(ours()).cell(session, "open('a', 'wb').write(b'a' * 50 * 1024)");
    expect(await stored()).toEqual(using(150 * KiB));
    await server.kill();
    server = await startServer({ env, dataDir: join(directory, 'data') });
    expect(await stored()).toEqual(using(150 * KiB));
    expect((await uploadAs(key, 107 * KiB)).status).toBe(400);
    await clientOf(key).files.delete(file.id);
    expect(await stored()).toEqual(using(50 * KiB));
    await nativeClient(ours()).send('DELETE', `/sessions/${session}`);
    expect(await stored()).toEqual(using(0));
    expect((await uploadAs(key, quota)).status).toBe(200);
  });
});
