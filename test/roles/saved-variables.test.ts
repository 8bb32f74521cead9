import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startServer, type TestServer } from '../support/server.ts';

interface Ending {
  readonly id: string;
  readonly state: string;
  readonly stdout: string;
  readonly restored: { readonly reason: string | null; readonly behind: boolean } | null;
}

async function call<T>(
  { url, key }: Pick<TestServer, 'url' | 'key'>,
  method: string,
  path: string,
  body?: object,
): Promise<T> {
  const response = await fetch(`${url}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  return (await response.json()) as T;
}

const run = (server: TestServer, session: string, code: string) =>
  call<Ending>(server, 'POST', `/sessions/${session}/executions`, { language: 'python', code });

it('variables outlive a kill of the service once they are saved, and an end in order at any time', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'dragoman-variables-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  let key: string | undefined;
  const begin = async () => {
    const started = await startServer({ dataDir, env: { DRAGOMAN_STATE_AFTER_MS: '200' } });
    // Only the first start tells it.
    key ??= started.key;
    return { ...started, key };
  };
  let server = await begin();
  const { id } = await call<{ id: string }>(server, 'POST', '/sessions', {});
  await run(server, id, 'x = [1]');
  await eventually(async () => {
    const { data } = await call<{ data: readonly { state: string }[] }>(server, 'GET', `/sessions/${id}/state`);
    expect(data.map(({ state }) => state)).toContain('saved');
  });
  await server.kill();

  server = await begin();
  const first = await run(server, id, 'x.append(2); print(x)');
  expect(first).toMatchObject({ state: 'restored', stdout: '[1, 2]\n', restored: { reason: null, behind: false } });
  await server.stop();

  server = await begin();
  const second = await run(server, id, 'print(x)');
  await server.stop();
  expect(second).toMatchObject({ state: 'restored', stdout: '[1, 2]\n', restored: { reason: null, behind: false } });
});
