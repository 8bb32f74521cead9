import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { hasNats, type NatsServer, startNats } from '../support/nats.ts';
import { ann, startSessions } from '../support/sessions.ts';

const MiB = 1024 * 1024;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(!hasNats())('work with a session on a worker elsewhere', () => {
  let engine: TestEngine;
  let nats: NatsServer;
  beforeAll(async () => {
    [engine, nats] = await Promise.all([startEngine(), startNats()]);
  });
  afterAll(() => Promise.all([engine?.close(), nats?.close()]));

  it('a large file goes into a sandbox and comes out, no faster than each side takes it', async () => {
    const { sessions, sandboxFiles } = await startSessions(engine, { nats: nats.url });
    const { id } = await sessions.create(ann, {});
    const part = randomBytes(MiB);
    let given = 0;
    async function* content() {
      for (; given < 12; given++) yield part;
    }
    expect(await sandboxFiles.write(ann, id, '/tmp/large.bin', content())).toMatchObject({ size: 12 * MiB });
    const { size, content: back } = await sandboxFiles.read(ann, id, '/tmp/large.bin');
    expect(size).toBe(12 * MiB);
    const bytes = Buffer.concat(await Array.fromAsync(back as AsyncIterable<Buffer>));
    expect(sha256(bytes)).toBe(sha256(Buffer.concat(Array(12).fill(part))));
    const middle = await sandboxFiles.read(ann, id, '/tmp/large.bin', { start: MiB, end: MiB + 9 });
    expect(Buffer.concat(await Array.fromAsync(middle.content as AsyncIterable<Buffer>))).toEqual(part.subarray(0, 10));
  });

  it('content that breaks off leaves the file that was there, and a missing file is said to be missing', async () => {
    const { sessions, sandboxFiles } = await startSessions(engine, { nats: nats.url });
    const { id } = await sessions.create(ann, {});
    await sandboxFiles.write(ann, id, 'kept.txt', [Buffer.from('kept')].values() as never);
    async function* broken() {
      yield randomBytes(MiB);
      throw new Error('the client has gone');
    }
    await expect(sandboxFiles.write(ann, id, 'kept.txt', broken())).rejects.toThrow('the client has gone');
    const { content } = await sandboxFiles.read(ann, id, 'kept.txt');
    expect(Buffer.concat(await Array.fromAsync(content as AsyncIterable<Buffer>)).toString()).toBe('kept');
    await expect(sandboxFiles.read(ann, id, 'none.txt')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('a command gets input, prints more than one message holds, and a watcher hears what it writes', async () => {
    const { sessions, commands, sandboxFiles, run } = await startSessions(engine, { nats: nats.url });
    const { id } = await sessions.create(ann, {});
    await run(id, '1');
    const stop = new AbortController();
    const changes = await sandboxFiles.watch(ann, id, '.', { recursive: false }, stop.signal);
    const line =
      'read name; echo "hello $name" > greeting.txt; head -c 700000 /dev/zero | tr "\\0" x; cat greeting.txt';
    const command = await commands.start(ann, id, { argv: ['/bin/bash', '-c', line], hasInput: true });
    await commands.write(ann, id, command.id, Buffer.from('ann\n'));
    const printed: Buffer[] = [];
    for await (const { event } of commands.events(ann, id, command.id, 0))
      if (event.type === 'output') printed.push(Buffer.from(event.data));
    const text = Buffer.concat(printed).toString();
    expect(text).toHaveLength(700_000 + 'hello ann\n'.length);
    expect(text.endsWith('hello ann\n')).toBe(true);
    const { value } = await changes[Symbol.asyncIterator]().next();
    expect(value.path).toContain('greeting.txt');
    stop.abort();
  });

  it('code and output of many megabytes pass in pieces', async () => {
    const { run } = await startSessions(engine, { nats: nats.url });
    const ran = await run(undefined, 'import sys; data = sys.stdin.read(); print(len(data), data[-3:])', {
      stdin: `${'a'.repeat(3 * MiB)}end`,
    });
    expect(ran.result.stdout.text).toBe(`${3 * MiB + 3} end\n`);
  });
});
