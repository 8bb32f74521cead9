import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../src/core/index.ts';
import { type ExecBody, idPattern, type LibreChatClient, startForLibreChat } from '../support/librechat.ts';
import type { TestServer } from '../support/server.ts';

/** LibreChat's files as seen from outside: raw requests to a real server with two keys. */
let server: TestServer;
let ann: LibreChatClient;
let bob: LibreChatClient;
beforeAll(async () => {
  ({ server, ann, bob } = await startForLibreChat());
});
afterAll(() => server?.stop());

const refOf = ({ id, name, storage_session_id }: ExecBody['files'][number]) => {
  return { id, name, storage_session_id, resource_id: id, kind: 'user' };
};
const named = (body: ExecBody, name: string) => body.files.find((file) => file.name === name);

describe('files a run makes', () => {
  test('come back under the session of the answer, with their paths', async () => {
    const code = 'mkdir -p out/déjà && echo 1 > out/déjà/ü.csv && echo 2 > Makefile && : > empty.txt';
    const { body } = await ann.run('bash', code);
    expect(body.files.map(({ name }) => name).sort()).toEqual(['Makefile', 'empty.txt', 'out/déjà/ü.csv']);
    for (const file of body.files) {
      expect(file).toEqual({
        id: expect.stringMatching(idPattern),
        name: file.name,
        session_id: body.session_id,
        storage_session_id: body.session_id,
      });
    }
    const { bytes } = await ann.download(body.session_id, named(body, 'out/déjà/ü.csv')!.id);
    expect(bytes.toString()).toBe('1\n');
  });

  test('are kept when the program failed', async () => {
    const { body } = await ann.run('py', 'open("half.txt", "w").write("half")\nraise SystemExit(1)');
    expect(body).toMatchObject({ code: 1, files: [{ name: 'half.txt' }] });
  });

  test('leave out links, devices and caches', async () => {
    const code = 'ln -s /etc/passwd link.txt; mkfifo pipe.txt; mkdir .cache; echo x > .cache/y.txt; echo z > kept.txt';
    const { body } = await ann.run('bash', code);
    expect(body.files.map(({ name }) => name)).toEqual(['kept.txt']);
  });

  test('hold dot files and what is in dot folders', async () => {
    const code =
      'mkdir -p app/.github/workflows && echo on > app/.github/workflows/ci.yml && echo x > .gitignore && ls -A';
    const { body } = await ann.run('bash', code);
    expect(body.files.map(({ name }) => name).sort()).toEqual(['.gitignore', 'app/.github/workflows/ci.yml']);
    const { body: next } = await ann.run('bash', 'cat app/.github/workflows/ci.yml', { files: body.files.map(refOf) });
    expect(next.stdout).toBe('on\n');
  });

  test('stay executable where the program made them so', async () => {
    const { body } = await ann.run('c', 'int main(void){return 0;}');
    expect(body.code).toBe(0);
    const made = await ann.run('bash', 'printf "#!/bin/sh\\necho ran" > run.sh; chmod 4755 run.sh; echo x > plain.txt');
    const files = made.body.files.map(refOf);
    const { body: next } = await ann.run('bash', './run.sh; stat -c "%a %n" run.sh plain.txt', { files });
    expect(next.stdout).toBe('ran\n755 run.sh\n644 plain.txt\n');
    expect(next.files.every((file) => 'inherited' in file)).toBe(true);
    const { body: changed } = await ann.run('bash', 'chmod +x plain.txt', { files });
    expect(changed.files.filter((file) => !('inherited' in file)).map(({ name }) => name)).toEqual(['plain.txt']);
  });

  test('hold every figure that is shown', async () => {
    const code = 'import matplotlib.pyplot as plt\nfor n in range(2):\n    plt.plot([n, 1])\n    plt.show()\n';
    const { body } = await ann.run('py', code);
    expect(body.files.map(({ name }) => name).sort()).toEqual(['plot_1.png', 'plot_2.png']);
    const { bytes, response } = await ann.download(body.session_id, named(body, 'plot_1.png')!.id);
    expect(response.headers.get('content-type')).toBe('image/png');
    expect(bytes.subarray(1, 4).toString()).toBe('PNG');
  });
});

describe('files a run is given', () => {
  test('are mounted at the name of the reference, in the shapes of all generations', async () => {
    const now = await ann.attach('stored.csv', 'now');
    const { id, storage_session_id: session_id } = await ann.attach('stored.csv', 'old', {});
    const files = [
      { ...now, name: 'deep/dir/now ü.csv' },
      { id, session_id, name: 'old.csv' },
    ];
    const { body } = await ann.run('bash', 'cat "deep/dir/now ü.csv" old.csv', { files });
    expect(body.stdout).toBe('nowold');
    expect(body.files).toEqual([
      expect.objectContaining({ id: now.id, name: 'deep/dir/now ü.csv', inherited: true }),
      expect.objectContaining({ id, name: 'old.csv', storage_session_id: session_id, inherited: true }),
    ]);
  });

  test('come back under a new id when they were changed, saying from what', async () => {
    const input = await ann.attach('in.csv', 'a\n');
    const { body } = await ann.run('bash', 'echo b >> in.csv', { files: [input] });
    expect(body.files).toHaveLength(1);
    const [changed] = body.files;
    expect(changed).toMatchObject({
      name: 'in.csv',
      storage_session_id: body.session_id,
      modified_from: { id: input.id, storage_session_id: input.storage_session_id },
    });
    expect(changed!.id).not.toBe(input.id);
    expect(changed!.inherited).toBeUndefined();
    const again = await ann.run('bash', 'cat in.csv', { files: [refOf(changed!)] });
    expect(again.body.stdout).toBe('a\nb\n');
    const original = await ann.download(input.storage_session_id, input.id);
    expect(original.bytes.toString()).toBe('a\n');
  });

  test('are named when they were removed', async () => {
    const input = await ann.attach('in.csv', 'a');
    const { body } = await ann.run('bash', 'rm in.csv', { files: [input] });
    expect(body.files).toEqual([]);
    expect(body.deleted_files).toEqual(['in.csv']);
  });

  test('stay what they are when they are read-only', async () => {
    const fields = { kind: 'skill', id: 's1', version: '1', read_only: 'true' };
    const input = await ann.attach('s1/run.sh', 'echo skill\n', fields);
    const code = 'stat -c %a s1/run.sh; echo mine >> s1/run.sh; cat s1/run.sh; rm -f s1/run.sh; bash s1/run.sh';
    const { body } = await ann.run('bash', code, { files: [input] });
    expect(body.stdout).toMatch(/^444\n/);
    expect(named(body, 's1/run.sh')).toMatchObject({ id: input.id, inherited: true, kind: 'skill', version: 1 });
    const { bytes } = await ann.download(input.storage_session_id, input.id, '?kind=skill&id=s1&version=1');
    expect(bytes.toString()).toBe('echo skill\n');
  });

  test('may be referred to as G1 does after an upload for an agent', async () => {
    const { body: uploaded } = await ann.upload([{ name: 'a.csv', content: 'agent' }], { entity_id: 'agent_1' });
    const id = uploaded.files[0]!.fileId;
    const files = [{ id, session_id: uploaded.session_id, name: 'a.csv' }];
    expect((await ann.run('bash', 'cat a.csv', { files })).body.stdout).toBe('agent');
    const probe = await ann.get<{ name: string }[]>(`/files/${uploaded.session_id}?detail=summary&entity_id=agent_1`);
    expect(probe.body[0]!.name).toBe(`${uploaded.session_id}/${id}.csv`);
  });

  test('pass through a chain of runs unharmed', async () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256);
    const input = await ann.attach('blob.bin', bytes);
    const first = await ann.run('bash', 'cp blob.bin copy.bin', { files: [input] });
    const copy = refOf(named(first.body, 'copy.bin')!);
    const second = await ann.run('py', 'data = open("copy.bin","rb").read(); open("third.bin","wb").write(data)', {
      files: [copy],
    });
    const third = named(second.body, 'third.bin')!;
    expect((await ann.download(third.storage_session_id, third.id)).bytes.equals(Buffer.from(bytes))).toBe(true);
  });
});

describe('reading back', () => {
  test('a download has length, type and name', async () => {
    const { id, storage_session_id: sid } = await ann.attach('plots/ü (1).csv', 'a,b\n');
    const { response, bytes } = await ann.download(sid, id, '?kind=user&id=whoever');
    expect(response.status).toBe(200);
    expect(bytes.toString()).toBe('a,b\n');
    expect(response.headers.get('content-length')).toBe('4');
    expect(response.headers.get('content-type')).toMatch(/^text\/csv/);
    expect(response.headers.get('content-disposition')).toBe(
      "attachment; filename*=UTF-8''plots%2F%C3%BC%20%281%29.csv",
    );
    expect(response.headers.get('set-cookie')).toBeNull();
  });

  test('the probes of all generations find a fresh file alive', async () => {
    const before = Date.now() - 1000;
    const { id, storage_session_id: sid } = await ann.attach('d/in.csv', 'a');
    type Element = Record<string, string> & { metadata: Record<string, string> };
    const g1 = await ann.get<Element[]>(`/files/${sid}?detail=summary`);
    const found = g1.body.find(({ name }) => name?.startsWith(`${sid}/${id}`));
    expect(Date.parse(found!.lastModified!)).toBeGreaterThan(before);
    const full = await ann.get<Element[]>(`/files/${sid}?detail=full`);
    expect(full.body[0]!.name!.split('/')[1]!.split('.')[0]).toBe(id);
    expect(full.body[0]!.metadata['original-filename']).toBe('d/in.csv');
    const g3 = await ann.get<Element[]>(`/files/${sid}?detail=summary&kind=user&id=u1`);
    expect(g3.body.find(({ fileId }) => fileId === id)).toBeDefined();
    const normalized = await ann.get<Element[]>(`/files/${sid}?detail=normalized&kind=user&id=u1`);
    expect(normalized.body).toMatchObject([{ id, name: 'd/in.csv', storage_session_id: sid, size: 1 }]);
    expect((await ann.get(`/files/${sid}`)).body).toEqual([`${sid}/${id}.csv`]);
    const object = await ann.get<Record<string, string>>(`/sessions/${sid}/objects/${id}?kind=user&id=u1`);
    expect(object.body).toMatchObject({
      originalFilename: 'd/in.csv',
      size: 1,
      contentType: 'text/csv',
      readOnly: false,
    });
    expect(Date.parse(object.body.lastModified!)).toBeGreaterThan(before);
  });

  test('what is malformed is 400, what is gone 404, and a deletion makes it so', async () => {
    const { id, storage_session_id: sid } = await ann.attach('a.csv', 'a');
    const paths = (s: string, f: string) => [`/download/${s}/${f}`, `/sessions/${s}/objects/${f}`];
    for (const path of [...paths('short', id), ...paths(sid, `${id}!`), '/files/short']) {
      expect((await ann.get(path)).status, path).toBe(400);
    }
    expect((await ann.get(`/download/${sid}/${id}?kind=skill&id=x`)).status).toBe(400);
    for (const path of [...paths(sid, newId()), ...paths(newId(), id), `/files/${newId()}`]) {
      expect((await ann.get(path)).status, path).toBe(404);
    }
    const remove = () => ann.request(`/files/${sid}/${id}`, { method: 'DELETE' });
    expect(await remove()).toMatchObject({ status: 200, body: { session_id: sid, fileId: id } });
    expect((await remove()).status).toBe(404);
    for (const path of paths(sid, id)) expect((await ann.get(path)).status).toBe(404);
    expect((await ann.run('bash', 'true', { files: [{ id, session_id: sid, name: 'a' }] })).status).toBe(403);
  });

  test('a file is found under its own identity only, or under none, by the key that made it too', async () => {
    const identities = {
      user: { kind: 'user' },
      agent: { kind: 'agent', id: 'one' },
      otherAgent: { kind: 'agent', id: 'two' },
      skill: { kind: 'skill', id: 'one', version: '1' },
      otherVersion: { kind: 'skill', id: 'one', version: '2' },
    } as const;
    const read = async (ref: { id: string; storage_session_id: string }, claim: Record<string, string>) => {
      const query = `?${new URLSearchParams(claim)}`;
      const { id, storage_session_id: sid } = ref;
      const paths = [`/download/${sid}/${id}`, `/sessions/${sid}/objects/${id}`, `/files/${sid}`];
      const { kind, id: resource_id, version } = claim;
      const file = { id, storage_session_id: sid, name: 'a.csv', kind, resource_id, version };
      return [
        ...(await Promise.all(paths.map(async (path) => (await ann.get(path + query)).status))),
        (await ann.run('bash', 'cat a.csv', { files: [file] })).status,
      ];
    };
    for (const [name, fields] of Object.entries(identities)) {
      const ref = await ann.attach('a.csv', 'a', fields);
      for (const [claimed, claim] of Object.entries(identities)) {
        const expected = name === claimed ? 200 : 404;
        expect([name, claimed, await read(ref, claim)]).toEqual([name, claimed, Array(4).fill(expected)]);
      }
      expect(await read(ref, {})).toEqual([200, 200, 200, 200]);
      const remove = (query: string) =>
        ann.request(`/sessions/${ref.storage_session_id}/objects/${ref.id}${query}`, { method: 'DELETE' });
      expect((await remove(name === 'agent' ? '?kind=user' : '?kind=agent&id=one')).status).toBe(404);
      expect(await remove(`?${new URLSearchParams(fields)}`)).toMatchObject({ status: 200, body: { fileId: ref.id } });
    }
  });

  test('a range of a file is answered with 206', async () => {
    const { id, storage_session_id: sid } = await ann.attach(
      'v.mp4',
      Buffer.from(Array.from({ length: 100 }, (_, n) => n)),
    );
    const get = async (headers: Record<string, string>) => {
      const { status, headers: answered, body } = await ann.request(`/download/${sid}/${id}`, { headers });
      return { status, range: answered.get('content-range'), length: answered.get('content-length'), body };
    };
    expect(await get({ range: 'bytes=10-19' })).toMatchObject({ status: 206, range: 'bytes 10-19/100', length: '10' });
    expect(await get({ range: 'bytes=90-' })).toMatchObject({ status: 206, range: 'bytes 90-99/100' });
    expect(await get({ range: 'bytes=-5' })).toMatchObject({ status: 206, range: 'bytes 95-99/100' });
    expect(await get({ range: 'bytes=95-1000' })).toMatchObject({ status: 206, range: 'bytes 95-99/100' });
    for (const range of ['bytes=100-', 'bytes=5-4', 'bytes=0-1,3-4', 'bytes=-', 'lines=1-2', 'bytes=-0'])
      expect(await get({ range })).toMatchObject({ status: 200, length: '100' });
    expect(await get({ range: 'bytes=0-1', 'if-range': '"other"' })).toMatchObject({ status: 200, length: '100' });
  });

  test('two keys never see each other’s files, whatever they claim', async () => {
    for (const fields of [
      { kind: 'user', id: 'same' },
      { kind: 'agent', id: 'same' },
      { kind: 'skill', id: 'same', version: '1' },
    ]) {
      const ref = await ann.attach('a.csv', 'ann only', fields);
      const query = `?${new URLSearchParams(fields)}`;
      const { id, storage_session_id: sid } = ref;
      for (const path of [`/download/${sid}/${id}`, `/sessions/${sid}/objects/${id}`, `/files/${sid}`]) {
        expect((await ann.get(path + query)).status).toBe(200);
        expect((await bob.get(path + query)).status).toBe(404);
      }
      expect((await bob.request(`/files/${sid}/${id}${query}`, { method: 'DELETE' })).status).toBe(404);
      expect((await bob.run('bash', 'cat a.csv', { files: [ref] })).status).toBe(403);
    }
    const made = await ann.run('bash', 'echo ann > out.txt');
    const [out] = made.body.files;
    expect((await bob.download(made.body.session_id, out!.id)).response.status).toBe(404);
  });
});
