import { lstatSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exec } from '../support/client.ts';
import { LibreChatClient } from '../support/librechat.ts';
import { startAsOrdinaryUser } from '../support/ordinary-user.ts';
import { descendants, sandboxes } from '../support/processes.ts';
import { makeRangedUser, type RangedUser } from '../support/ranged-user.ts';
import type { TestServer } from '../support/server.ts';
import { nature } from '../support/tier.ts';
import { attacking, hostile } from './attack.ts';

describe('an ordinary user who has a range of ids', attacking('quotas'), () => {
  let user: RangedUser;
  let server: TestServer;
  beforeAll(async () => {
    user = await makeRangedUser();
    server = await user.start();
  });
  afterAll(async () => {
    await server?.stop();
    user?.remove();
  });

  it('gives each sandbox a user of the host of its own, and none of them is the service’s', async () => {
    const running = ['a', 'b'].map(() =>
      exec(server, { lang: 'py', code: 'import os, time; time.sleep(2); print(os.getuid())' }),
    );
    await sleep(1000);
    const uids = sandboxes(server.pid).map(({ uid }) => uid);
    for (const run of await Promise.all(running)) expect(run).toMatchObject({ stdout: '1000\n', code: 0 });
    expect(uids.length).toBeGreaterThanOrEqual(2);
    expect(new Set(uids).size).toBe(uids.length);
    for (const uid of uids) {
      expect(uid).toBeGreaterThanOrEqual(user.range[0]);
      expect(uid).toBeLessThanOrEqual(user.range[1]);
    }
    // Zygotes have users of their own, too. The service and its parent are left.
    const others = descendants(server.pid).filter(({ levels }) => levels.length > 1);
    expect(others.filter(({ uid }) => uid === user.uid || uid === 0)).toEqual([]);
  });

  it('says so', () => {
    expect(user.run('scripts/dragoman.mjs', 'doctor')).toMatch(
      /^ok +sandbox users +every sandbox gets its own, from \d+ on, of the range in \/etc\/subuid$/m,
    );
  });

  it('takes and gives files, whatever rights a program leaves them with', async () => {
    const client = new LibreChatClient(`${server.url}/v1`, server.key);
    const { body } = await client.run(
      'py',
      'import os\nopen("closed.txt", "w").write("mine")\nos.chmod("closed.txt", 0)',
    );
    const [file] = body.files;
    expect((await client.get(`/download/${body.session_id}/${file!.id}`)).body).toBe('mine');
    const again = { ...file, session_id: body.session_id, name: 'in.txt' };
    expect((await client.run('bash', 'cat in.txt', { files: [again] })).body).toMatchObject({ stdout: 'mine' });
    // A tier's template is its sandbox's while it is made.
    const kept = readdirSync(user.home, { recursive: true, withFileTypes: true }).filter(
      ({ parentPath }) =>
        parentPath.startsWith(`${user.home}/data`) && !parentPath.startsWith(`${user.home}/data/tiers`),
    );
    expect(kept.length).toBeGreaterThan(3);
    for (const { parentPath, name } of kept) expect(lstatSync(`${parentPath}/${name}`).uid).toBe(user.uid);
  });

  it('keeps what the kernel counts by user from one sandbox to the next', async () => {
    const pipes = `${hostile('resources/fill-kernel-memory.py').code}\nimport time; time.sleep(3)`;
    const taking = exec(server, { lang: 'py', code: pipes, args: ['pipes'], timeout: 8000 });
    await sleep(1500);
    // Where one user has too many pages in pipes, new ones hold a single page.
    const size = 'import fcntl, os\nprint(fcntl.fcntl(os.pipe()[1], 1032))';
    expect(await exec(server, { lang: 'py', code: size })).toMatchObject({ stdout: '65536\n' });
    await taking;
  });

  it('has sessions and their limits', async () => {
    const client = new LibreChatClient(`${server.url}/v1`, server.key);
    const cell = (code: string) =>
      client.exec({ lang: 'py', code, runtime_session_hint: 'one' }, { 'x-codeapi-expected-profile': 'stateful' });
    await cell('x = 41');
    expect((await cell('print(x + 1)')).body).toMatchObject({ stdout: '42\n', runtime_status: 'reused' });
    const memory = await exec(server, { lang: 'py', code: hostile('resources/memory-bomb.py').code });
    if (nature.tellsOfMemory) expect(memory).toMatchObject({ code: 1, stderr: expect.stringContaining('MemoryError') });
    else expect(memory).toMatchObject({ status: 'SG' });
    const forks = await exec(server, { lang: 'py', code: hostile('resources/fork-bomb.py').code, timeout: 1500 });
    expect(nature.copiesLargely ? ['TO', 'SG'] : ['TO']).toContain(forks.status);
  });

  it('sweeps what a killed service left', async () => {
    const running = exec(server, { lang: 'py', code: 'while True: pass' }).catch(() => 'gone');
    await sleep(500);
    const service = descendants(server.pid).find(({ parent }) => parent === server.pid)!;
    process.kill(service.pid, 'SIGKILL');
    expect(await running).toBe('gone');
    await server.kill();
    const { key } = server;
    server = await user.start();
    expect(server.output()).toMatch(/removed the sandboxes of a server that was killed/);
    expect(await exec({ ...server, key }, { lang: 'py', code: 'print(6 * 7)' })).toMatchObject({ stdout: '42\n' });
  });
});

describe('an ordinary user who has none', attacking('quotas'), () => {
  it('closes to all sandboxes what they would share, as far as a filter of calls can see it', async () => {
    const server = await startAsOrdinaryUser();
    try {
      const { code } = hostile('resources/user-quotas.py');
      for (const lang of ['py', 'bash'])
        expect(
          await exec(server, { lang, code: lang === 'py' ? code : `python3 - <<'END'\n${code}\nEND` }),
        ).toMatchObject({ stdout: 'tried\n', stderr: '', code: 0 });
      const cell = { lang: 'py', code, runtime_session_hint: 'one' };
      const client = new LibreChatClient(`${server.url}/v1`, server.key);
      const { body } = await client.exec(cell, { 'x-codeapi-expected-profile': 'stateful' });
      expect(body).toMatchObject({ stdout: 'tried\n', stderr: '' });
    } finally {
      await server.stop();
    }
  });
});
