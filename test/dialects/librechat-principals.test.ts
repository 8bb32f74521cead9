import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LibreChatClient } from '../support/librechat.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** Which user sees which files, when LibreChat names its users and when no user is named. */
describe('with LibreChat’s tokens', () => {
  const kid = 'lc-codeapi-2026-05';
  let directory: string;
  let server: TestServer;
  let userOf: (sub: string, tenant?: string) => Promise<LibreChatClient>;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'dragoman-jwks-'));
    const { privateKey, publicKey } = await generateKeyPair('EdDSA');
    const jwks = join(directory, 'jwks.json');
    await writeFile(jwks, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'EdDSA' }] }));
    server = await startServer({ env: { DRAGOMAN_AUTH: 'jwt', DRAGOMAN_JWT_KEYS: jwks } });
    userOf = async (sub, tenant) => {
      const now = Math.floor(Date.now() / 1000);
      const token = await new SignJWT({
        principal_source: 'librechat_jwt',
        auth_context_hash: 'hash',
        ...(tenant ? { tenant_id: tenant } : {}),
      })
        .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'JWT' })
        .setIssuer('librechat')
        .setAudience('codeapi')
        .setSubject(sub)
        .setIssuedAt(now)
        .setNotBefore(now)
        .setExpirationTime(now + 300)
        .setJti(`${sub}-${now}-${Math.random()}`)
        .sign(privateKey);
      return new LibreChatClient(`${server.url}/v1`, { authorization: `Bearer ${token}` });
    };
  });
  afterAll(async () => {
    await server?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  test('a user’s files are the user’s own, over the renewal of the token', async () => {
    const ref = await (await userOf('u1')).attach('mine.csv', 'mine', { kind: 'user', id: 'u1' });
    const run = async (client: LibreChatClient) => (await client.run('bash', 'cat mine.csv', { files: [ref] })).status;
    expect(await run(await userOf('u1'))).toBe(200);
    expect(await run(await userOf('u2'))).toBe(403);
    const probe = `/files/${ref.storage_session_id}?detail=summary&kind=user&id=u1`;
    expect((await (await userOf('u2')).get(probe)).status).toBe(404);
  });

  test('files of agents and skills are shared within a tenant, with every request that names the right agent or skill', async () => {
    const maker = await userOf('u1', 'acme');
    const agent = await maker.attach('a.csv', 'agent', { kind: 'agent', id: 'agent_1' });
    const skill = await maker.attach('s.csv', 'skill', { kind: 'skill', id: 'skill_1', version: '2' });
    const files = [agent, skill];
    const run = async (client: LibreChatClient, refs: object[]) => client.run('bash', 'cat *.csv', { files: refs });
    const colleague = await userOf('u2', 'acme');
    expect((await run(colleague, files)).body).toMatchObject({
      stdout: 'agentskill',
      files: [
        { id: agent.id, inherited: true, kind: 'agent', resource_id: 'agent_1' },
        { id: skill.id, inherited: true, kind: 'skill', resource_id: 'skill_1', version: 2 },
      ],
    });
    for (const refs of [
      [{ ...agent, resource_id: 'agent_2' }],
      [{ ...agent, kind: 'user' }],
      [{ ...skill, version: 3 }],
    ]) {
      expect((await run(colleague, refs)).status).toBe(403);
    }
    expect((await run(await userOf('u1', 'other'), files)).status).toBe(403);
  });

  test('what a run makes is its user’s alone, whatever it was made from', async () => {
    const maker = await userOf('u1', 'acme');
    const agent = await maker.attach('a.csv', 'agent', { kind: 'agent', id: 'agent_1' });
    const { body } = await maker.run('bash', 'echo more >> a.csv', { files: [agent] });
    const [changed] = body.files;
    const path = `/download/${body.session_id}/${changed!.id}`;
    expect((await maker.get(`${path}?kind=user&id=u1`)).status).toBe(200);
    expect((await (await userOf('u2', 'acme')).get(`${path}?kind=agent&id=agent_1`)).status).toBe(404);
  });

  test('a token that is not right is refused', async () => {
    const { status, body } = await new LibreChatClient(server.url, { authorization: 'Bearer a.b.c' }).run('py', '1');
    expect(status).toBe(401);
    expect(body).toEqual({ error: 'Invalid bearer token' });
    expect((await new LibreChatClient(server.url).run('py', '1')).status).toBe(401);
  });
});

test('in open mode everybody is one, whatever the requests say', async () => {
  await using stack = new AsyncDisposableStack();
  const server = await startServer({ env: { DRAGOMAN_AUTH: 'open' } });
  stack.defer(() => server.stop());
  const ref = await new LibreChatClient(server.url, { 'user-id': 'u1' }).attach('a.csv', 'a', {
    kind: 'user',
    id: 'u1',
  });
  const unnamed = new LibreChatClient(server.url);
  const { body } = await unnamed.run('bash', 'cat a.csv; echo > b.csv', { files: [ref], user_id: 'u2' });
  expect(body.stdout).toBe('a');
  const made = body.files.find(({ name }) => name === 'b.csv')!;
  expect((await unnamed.get(`/download/${body.session_id}/${made.id}?kind=user&id=u3`)).status).toBe(200);
});
