import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { newId } from '../../src/core/index.ts';
import { GrantDesk } from '../../src/service/index.ts';
import { type Bytes, createS3Bytes, HttpSender, textOf } from '../../src/stores/index.ts';
import { startByteServer, type TestByteServer } from '../support/byte-server.ts';
import { digestOf, grantService, once } from '../support/grants.ts';
import { principalOf } from '../support/principals.ts';
import { hasS3Server, type S3Server, startS3Server } from '../support/s3.ts';
import { attacking } from './attack.ts';

/** What a captured worker can do with bytes: everything here is asked as it could ask. */
function describeGrants(name: string, make: () => Promise<Bytes>): void {
  describe(`a captured worker, with bytes on ${name}`, () => {
    const service = async (parts: Omit<Parameters<typeof grantService>[0], 'bytes'> = {}) =>
      grantService({ ...parts, bytes: await make() });
    const sender = new HttpSender();
    afterAll(() => sender.close());
    const send = async (
      method: string,
      request: { url: string; headers: Readonly<Record<string, string>> },
      body?: Uint8Array,
    ) => {
      const answer = await sender.send({ method, ...request, body });
      await textOf(answer);
      return answer.statusCode!;
    };
    const wanted = (path: string, bytes: Uint8Array) => ({ path, digest: digestOf(bytes), size: bytes.length });
    const read = async (stream: AsyncIterable<Uint8Array>) => Buffer.concat(await Array.fromAsync(stream));

    it('stores what its job made, and it becomes a file of the owner', async () => {
      const { newWorker, job, fileService } = await service();
      const worker = await newWorker();
      const bytes = randomBytes(700_000);
      const { use, record } = job('ann');
      expect(await worker.put(use, 'a/b.bin', once(bytes), bytes.length)).toEqual({
        digest: digestOf(bytes),
        size: bytes.length,
      });
      const [file] = await record();
      expect(file).toMatchObject({ name: 'a/b.bin', size: bytes.length, digest: digestOf(bytes), source: 'program' });
      expect((await buffer(await fileService.content(file!.digest))).equals(bytes)).toBe(true);
    });

    it('gets no file for bytes that it never sent', async () => {
      const { desk, job, jobFiles } = await service();
      const { pass, use, record } = job('eve');
      await desk.answer({ pass, put: [wanted('x', randomBytes(100))] });
      expect((await jobFiles.stored(use.jobId)).size).toBe(0);
      expect(await record()).toEqual([]);
    });

    it('gets no file of bytes of another owner by naming their digest', async () => {
      const { desk, job, newWorker, files } = await service();
      const secret = randomBytes(5000);
      const honest = job('ann');
      await (await newWorker()).put(honest.use, 'secret', once(secret), 5000);
      expect(await honest.record()).toHaveLength(1);
      const thief = job('eve');
      const content = wanted('mine', secret);
      const { put } = await desk.answer({ pass: thief.pass, put: [content] });
      const { prove } = await desk.answer({ pass: thief.pass, prove: [content] });
      for (const request of [...put, ...prove]) {
        expect(await send('PUT', request, randomBytes(5000))).toBeGreaterThanOrEqual(400);
        expect(
          await send('PUT', { ...request, headers: { ...request.headers, 'content-length': '0' } }),
        ).toBeGreaterThanOrEqual(400);
        expect(await send('GET', { ...request, headers: {} })).toBeGreaterThanOrEqual(400);
      }
      expect(await thief.record()).toEqual([]);
      await expect(desk.answer({ pass: thief.pass, get: [content.digest] })).rejects.toMatchObject({
        code: 'not_found',
      });
      expect((await buffer(await files.open(content.digest))).equals(secret)).toBe(true);
    });

    it('of two owners with equal bytes each gets its own file', async () => {
      const { job, newWorker } = await service();
      const bytes = randomBytes(3000);
      const jobs = ['ann', 'bob', 'bea'].map((owner) => job(owner));
      await Promise.all(jobs.map(async ({ use }) => (await newWorker()).put(use, 'same', once(bytes), bytes.length)));
      for (const { record } of jobs) expect(await record()).toHaveLength(1);
    });

    it('may not read another digest, with any pass', async () => {
      const { desk, job, session, files } = await service();
      const secret = randomBytes(100);
      const { digest } = await files.put(secret, 100);
      const own = await session('eve', [randomBytes(10)]);
      for (const { pass } of [
        job('eve'),
        job('eve', ['0'.repeat(64)]),
        job('eve', [], { id: own.id, epoch: 1, worker: 'w' }),
      ])
        await expect(desk.answer({ pass, get: [digest] })).rejects.toMatchObject({ code: 'not_found' });
    });

    it('reads what its session has, until the session is in another epoch; then it stores nothing either', async () => {
      const { desk, job, session, newWorker, records } = await service();
      const bytes = randomBytes(400_000);
      const { id } = await session('ann', [bytes]);
      const { use, pass, record } = job('ann', [], { id, epoch: 1, worker: 'w' });
      const worker = await newWorker();
      expect((await read(await worker.open(use, digestOf(bytes)))).equals(bytes)).toBe(true);
      expect(await records.sessions.place(id, 1, 'other.worker')).toMatchObject({ epoch: 2 });
      const zombie = await newWorker();
      await expect(zombie.open(use, digestOf(bytes))).rejects.toMatchObject({ code: 'conflict' });
      await expect(zombie.put(use, 'late', once(randomBytes(10)), 10)).rejects.toMatchObject({ code: 'conflict' });
      await expect(desk.answer({ pass, get: [] })).rejects.toMatchObject({ code: 'conflict' });
      expect(await record()).toEqual([]);
      await records.sessions.delete(id);
      await expect(zombie.open(use, digestOf(bytes))).rejects.toMatchObject({ code: 'not_found' });
    });

    it('reads saved variables of its own session alone, and of a fork of it what the fork was given', async () => {
      const { desk, job, session, fileService, records, clock } = await service();
      const bytes = randomBytes(5000);
      const own = await session('ann', []);
      const other = await session('ann', []);
      const fork = await session('ann', []);
      const save = async ({ id, epoch }: typeof own) => {
        const set = { ...fileService.newSet(principalOf('ann'), `state-${newId()}`, { kind: 'user' }) };
        const stored = await fileService.put(
          set,
          { name: 'python/1', contentType: undefined, readOnly: false, source: 'program', content: bytes },
          bytes.length,
        );
        const state = {
          ...{ kernel: 'python', setId: set.id, digest: stored.digest, size: stored.size, savedAt: clock.now },
          ...{ execution: null, bytes: bytes.length, variables: 1, isBehind: false, failures: 0 },
        };
        await records.states.save({ id, epoch }, state, { set, files: [stored], quota: set.quota });
      };
      await save(own);
      const passOf = ({ id }: typeof own) => job('ann', [], { id, epoch: 1, worker: 'w' }).pass;
      const get = [digestOf(bytes)];
      expect((await desk.answer({ pass: passOf(own), get })).get).toHaveLength(1);
      for (const each of [other, fork])
        await expect(desk.answer({ pass: passOf(each), get })).rejects.toMatchObject({ code: 'not_found' });
      await expect(desk.answer({ pass: job('ann').pass, get })).rejects.toMatchObject({ code: 'not_found' });
      await save(fork);
      expect((await desk.answer({ pass: passOf(fork), get })).get).toHaveLength(1);
      await records.states.delete(own.id);
      await expect(desk.answer({ pass: passOf(own), get })).rejects.toMatchObject({ code: 'not_found' });
      // A worker that lost the session reads its variables no more.
      await records.sessions.place(fork.id, 1, 'other.worker');
      await expect(desk.answer({ pass: passOf(fork), get })).rejects.toMatchObject({ code: 'conflict' });
    });

    it('is refused without a pass, with a forged, changed or old one, and with that of another service', async () => {
      const { desk, job, clock, ask } = await service();
      const { pass } = job('ann', ['1'.repeat(64)]);
      const other = (await service()).job('ann').pass;
      const end = pass.at(-3) === 'A' ? 'B' : 'A';
      const forged = [
        '',
        'x',
        other,
        pass.slice(0, -3),
        `${pass.slice(0, -3)}${end}${pass.slice(-2)}`,
        `A${pass.slice(1)}`,
        pass.repeat(500),
      ];
      for (const each of forged)
        await expect(desk.answer({ pass: each, get: [] }), each.slice(0, 20)).rejects.toMatchObject({
          code: 'forbidden',
        });
      for (const question of [null, 7, {}, { pass: 7 }, []])
        await expect(desk.answer(question)).rejects.toMatchObject({ code: 'invalid_request' });
      expect(Buffer.from(pass, 'base64url').toString('latin1')).not.toMatch(/ann|tenant/);
      await ask({ pass, get: ['1'.repeat(64)] });
      clock.now += 25 * 3_600_000;
      await expect(ask({ pass, get: ['1'.repeat(64)] })).rejects.toMatchObject({ code: 'forbidden' });
    });

    it('gets nothing with the pass of a job or a session that another worker has', async () => {
      const { desk, begun, job, session, records } = await service();
      const bytes = randomBytes(100);
      const { id } = await session('ann', [bytes]);
      const alone = job('ann', [digestOf(bytes)]);
      const inSession = job('ann', [], { id, epoch: 1, worker: 'one.process' });
      begun.set(alone.use.jobId, 'one');
      const questions = [
        { get: [digestOf(bytes)] },
        { put: [wanted('x', bytes)] },
        { prove: [wanted('x', bytes)] },
        {},
      ];
      for (const { pass } of [alone, inSession])
        for (const seat of ['two', 'gateway', 'on', 'one.process', ''])
          for (const question of questions)
            await expect(desk.answer({ pass, ...question }, seat), seat).rejects.toMatchObject({ code: 'forbidden' });
      expect(await records.jobHolds.held({ tenant: 'a', id: 'ann' }, Date.now())).toMatchObject({ bytes: 0, files: 0 });
      for (const { pass } of [alone, inSession])
        expect(await desk.answer({ pass, get: [digestOf(bytes)] }, 'one')).toMatchObject({ get: [{}] });
    });

    it('that floods gateways with questions leaves other workers their share', async () => {
      const { direct, records, secret, job } = await service();
      const answer = Promise.withResolvers<void>();
      const hasWork = () => answer.promise.then(() => true);
      const desk = new GrantDesk({ direct, holds: records.jobHolds, secret, now: Date.now, hasWork });
      const { pass } = job('eve');
      const flood = (seat: string, count: number) => Array.from({ length: count }, () => desk.answer({ pass }, seat));
      const all = [flood('a', 400), flood('b', 400), flood('c', 5)];
      answer.resolve();
      const taken = await Promise.all(
        all.map(async (asked) => {
          const ends = await Promise.allSettled(asked);
          for (const end of ends) if (end.status === 'rejected') expect(end.reason.code).toBe('overloaded');
          return ends.filter(({ status }) => status === 'fulfilled').length;
        }),
      );
      expect(taken).toEqual([128, 64, 5]);
      expect(desk.refused).toBe(400 - 128 + 400 - 64);
      expect(desk.atOnce).toBe(0);
    });

    it.each(['../x', '/etc/passwd', 'a/../../b', '', 'a\0b', '.', 'a\\b', `${'d/'.repeat(200)}x`, 'x'.repeat(5000)])(
      'names no path %j',
      async (path) => {
        const { desk, job } = await service();
        const { pass, use, jobFiles } = { ...job('eve'), ...(await service()) };
        for (const ask of ['put', 'prove'])
          await expect(
            desk.answer({ pass, [ask]: [{ ...wanted('x', Buffer.from('x')), path }] }),
          ).rejects.toMatchObject({
            code: 'invalid_request',
          });
        expect((await jobFiles.stored(use.jobId)).size).toBe(0);
      },
    );

    it('names no digest that is a path, no size that is no number, and not too much at once', async () => {
      const { desk, job } = await service();
      const { pass } = job('eve');
      const good = wanted('x', Buffer.from('x'));
      const wrong: object[] = [
        ...['../../x', 'A'.repeat(64), `${'a'.repeat(64)}\n`, 7, null, {}].map((digest) => ({ ...good, digest })),
        ...[-1, 1.5, '5', Number.NaN, 2 ** 60, null].map((size) => ({ ...good, size })),
      ];
      for (const content of wrong)
        await expect(desk.answer({ pass, put: [content] })).rejects.toMatchObject({ code: 'invalid_request' });
      const many = Array.from({ length: 300 }, (_, index) => ({ ...good, path: `p${index}` }));
      await expect(desk.answer({ pass, put: many })).rejects.toMatchObject({ code: 'invalid_request' });
      await expect(desk.answer({ pass, put: [good, good] })).rejects.toMatchObject({ code: 'invalid_request' });
      await expect(desk.answer({ pass, get: 'a'.repeat(64) })).rejects.toMatchObject({ code: 'invalid_request' });
    });

    it('stores no more than the quota of the owner, however many jobs ask at once', async () => {
      const MiB = 1024 ** 2;
      const { desk, job, records } = await service({ plan: { storedBytes: 10 * MiB, storedFiles: 8 } });
      const ask = (index: number) => {
        const { pass } = job('eve');
        return desk.answer({ pass, put: [{ path: `p${index}`, digest: digestOf(randomBytes(8)), size: 3 * MiB }] });
      };
      const ends = await Promise.allSettled(Array.from({ length: 12 }, (_, index) => ask(index)));
      expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
      for (const end of ends) if (end.status === 'rejected') expect(end.reason.code).toBe('quota_exceeded');
      const { pass } = job('eve');
      const small = Array.from({ length: 6 }, (_, index) => wanted(`s${index}`, Buffer.from([index])));
      await expect(desk.answer({ pass, put: small })).rejects.toMatchObject({ code: 'quota_exceeded' });
      expect(await records.jobHolds.held({ tenant: 'e', id: 'eve' }, Date.now())).toMatchObject({ files: 3 });
      // Another owner is not concerned.
      await desk.answer({ pass: job('ann').pass, put: small });
      const large = { path: 'large', digest: digestOf(randomBytes(8)), size: 9 * MiB };
      await expect(desk.answer({ pass: job('ann').pass, put: [large] })).rejects.toMatchObject({ code: 'too_large' });
    });

    it('gets its quota back when the job ends, and its bytes go', async () => {
      const { job, newWorker, records, jobFiles, bytes, clock, files } = await service();
      const content = randomBytes(1000);
      const { use } = job('eve');
      await (await newWorker()).put(use, 'x', once(content), 1000);
      expect(await bytes.size(digestOf(content))).toBe(1000);
      jobFiles.end(use.jobId);
      await jobFiles.close();
      expect(await records.jobHolds.held({ tenant: 'e', id: 'eve' }, clock.now)).toMatchObject({ bytes: 0, files: 0 });
      await files.collect();
      expect(await bytes.size(digestOf(content))).toBeUndefined();
    });

    it('that reads alone stores nothing, and one that hands over keeps to its bound', async () => {
      const { jobFiles, desk, newWorker } = await service();
      const reads = { session: null, digests: [] };
      await expect(
        desk.answer({ pass: jobFiles.read('reader', reads), put: [wanted('x', Buffer.from('x'))] }),
      ).rejects.toMatchObject({ code: 'forbidden' });
      const pass = jobFiles.collect('preview', 1000, reads);
      const use = { jobId: 'preview', owner: 'eve', pass };
      const worker = await newWorker();
      await worker.put(use, 'out/a', once(Buffer.alloc(600, 1)), 1000);
      await expect(worker.put(use, 'out/b', once(Buffer.alloc(600, 2)), 1000)).rejects.toMatchObject({
        code: 'too_large',
      });
      const collected = await jobFiles.collected('preview');
      expect([...collected].map(([path, { bytes }]) => [path, bytes.length])).toEqual([['out/a', 600]]);
    });

    it('keeps what it has read in a bounded cache, apart for each owner, and believes only the digest', async () => {
      const { files, job, newWorker, asked, clock } = await service();
      const contents = Array.from({ length: 12 }, (_, index) => Buffer.alloc(300_000, index + 1));
      for (const content of contents) await files.put(content, content.length);
      const digests = contents.map(digestOf);
      const worker = await newWorker(1_000_000);
      const ann = job('ann', digests);
      const inputs = digests.map((digest, index) => ({ path: `${index}`, digest, size: 300_000, readOnly: false }));
      worker.expect(ann.use, inputs);
      for (const [index, digest] of digests.entries())
        expect((await read(await worker.open(ann.use, digest))).equals(contents[index]!)).toBe(true);
      expect(worker.cachedBytes).toBeLessThanOrEqual(1_000_000);
      const before = asked.length;
      await read(await worker.open(ann.use, digests.at(-1)!));
      expect(asked.length).toBe(before);
      // In the cache for ann alone: eve's job is asked for, and refused.
      await expect(worker.open(job('eve').use, digests.at(-1)!)).rejects.toMatchObject({ code: 'not_found' });
      clock.now += 1;
    });
  });
}

describe.skipIf(!hasS3Server())('grants of bytes on S3', attacking('grants'), () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3Server();
  }, 60_000);
  afterAll(() => server?.close());

  describeGrants('S3', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'dragoman-s3-incoming-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    return createS3Bytes({ place: await server.newBucket(), directory });
  });
});

describe('grants of bytes on a files role', attacking('grants'), () => {
  let server: TestByteServer;
  beforeAll(async () => {
    server = await startByteServer();
  });
  afterAll(() => server?.close());

  describeGrants('a files role', async () => server.newClient());

  const raw = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const { hostname, port } = new URL(server.url);
      const socket = connect(Number(port), hostname, () => socket.end(text));
      let said = '';
      socket.setEncoding('utf8').on('data', (part) => {
        said += part;
      });
      socket.once('close', () => resolve(said)).once('error', reject);
    });

  it.each([
    '/',
    '/../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    `/${'a'.repeat(64)}`,
    `/${'a'.repeat(64)}?do=read&until=99999999999999&signature=AAAA`,
    `/${'a'.repeat(64)}?do=delete&until=99999999999999&signature=`,
    '/incoming/x?do=read&until=1',
    '//evil.example/x',
    `/${'x'.repeat(7000)}`,
  ])('it answers %j without a right with 403 alone', async (target) => {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'POST', 'OPTIONS'])
      expect(await raw(`${method} ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`)).toMatch(
        /^HTTP\/1\.1 403 /,
      );
  });

  it('it takes no half body for a whole one, and leaves nothing of it', async () => {
    const { desk, job, bytes, direct } = await grantService({ bytes: server.newClient() });
    const content = randomBytes(400_000);
    const wanted = { path: 'x', digest: digestOf(content), size: content.length };
    const { put } = await desk.answer({ pass: job('eve').pass, put: [wanted] });
    const { pathname, search } = new URL(put[0]!.url);
    await raw(
      `PUT ${pathname}${search} HTTP/1.1\r\nHost: x\r\nContent-Length: ${content.length}\r\n\r\n${'a'.repeat(1000)}`,
    );
    expect(await bytes.size(wanted.digest)).toBeUndefined();
    expect(await direct.received({ ...wanted, hold: 'x'.repeat(21) })).toBe(false);
    const incoming = await readdir(join(server.directory, 'disk', 'incoming'));
    expect(incoming).toEqual([]);
  });

  it('its program knows the secret of no worker: what it signs is not in an answer', async () => {
    const { desk, job, secret } = await grantService({ bytes: server.newClient() });
    const answer = JSON.stringify(
      await desk.answer({ pass: job('eve', ['2'.repeat(64)]).pass, get: ['2'.repeat(64)] }),
    );
    for (const hidden of [server.secret, Buffer.from(secret)])
      for (const coding of ['hex', 'base64', 'base64url'] as const)
        expect(answer).not.toContain(hidden.toString(coding));
    expect(await readFile('/proc/self/cmdline', 'utf8')).not.toContain(server.secret.toString('base64url'));
  });
});
