import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { launched } from '../support/launched.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { hasS3Server, type S3Server, startS3Server } from '../support/s3.ts';
import { startServer, type TestServer } from '../support/server.ts';

const run = promisify(execFile);
const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

describe.skipIf(!hasS3Server())('records in PostgreSQL and files in a bucket', () => {
  let postgres: Postgres;
  let s3: S3Server;
  let dataDir: string;

  beforeAll(async () => {
    [postgres, s3] = await Promise.all([startPostgres(), startS3Server()]);
    dataDir = mkdtempSync(join(tmpdir(), 'dragoman-elsewhere-'));
  }, 60_000);

  afterAll(async () => {
    await Promise.all([postgres?.close(), s3?.close()]);
    rmSync(dataDir, { recursive: true, force: true });
  });

  const client = ({ url, key }: Pick<TestServer, 'url' | 'key'>) => ({
    async send(path: string, body?: object): Promise<Record<string, unknown>> {
      const init = body && { method: 'POST', body: JSON.stringify(body) };
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
      const answer = await fetch(`${url}/v1${path}`, { ...init, headers });
      expect(answer.status, await answer.clone().text()).toBeLessThan(300);
      return (await answer.json()) as Record<string, unknown>;
    },
    bytes: async (path: string) =>
      (await fetch(`${url}/v1${path}`, { headers: { authorization: `Bearer ${key}` } })).text(),
  });

  it('an installation moves there with its key, sessions and files, and goes on', async () => {
    const { bucket, prefix, endpoint } = await s3.newBucket();
    const databaseUrl = await postgres.newSchema();
    const filesUrl = `s3://${bucket}/${prefix}?endpoint=${endpoint}`;
    const credentials = {
      AWS_ACCESS_KEY_ID: process.env.AWS_ACCESS_KEY_ID!,
      AWS_SECRET_ACCESS_KEY: process.env.AWS_SECRET_ACCESS_KEY!,
    };
    const first = await startServer({ dataDir });
    const { key } = first;
    const before = client(first);
    const session = await before.send('/sessions', {});
    const cell = { language: 'python', code: 'open("kept.txt", "w").write("kept" * 100000)' };
    await before.send(`/sessions/${session.id}/executions`, cell);
    await first.stop();

    const env = { ...launched, DRAGOMAN_DATA_DIR: dataDir, ...credentials };
    const moved = await run(process.execPath, [main, 'migrate', '--to', databaseUrl, '--files-to', filesUrl], { env });
    expect(moved.stdout).toContain('1 sessions');
    expect(moved.stdout).toContain('DRAGOMAN_FILES_URL=');
    await expect(run(process.execPath, [main, 'migrate', '--to', databaseUrl], { env })).rejects.toMatchObject({
      stderr: expect.stringContaining('not empty'),
    });

    const there = { ...credentials, DRAGOMAN_DATABASE_URL: databaseUrl, DRAGOMAN_FILES_URL: filesUrl };
    // Another machine: nothing of the old one is there.
    const elsewhere = mkdtempSync(join(tmpdir(), 'dragoman-elsewhere-'));
    onTestFinished(() => rmSync(elsewhere, { recursive: true, force: true }));
    const second = await startServer({ dataDir: elsewhere, env: there });
    const after = client({ url: second.url, key });
    const read = { language: 'python', code: 'print(len(open("kept.txt").read()));open("new.txt","w").write("new")' };
    expect(await after.send(`/sessions/${session.id}/executions`, read)).toMatchObject({ stdout: '400000\n' });
    expect(await after.bytes(`/sessions/${session.id}/files/new.txt`)).toBe('new');
    const third = startServer({ dataDir, env: there });
    await expect(third).rejects.toThrow('another server is using it');
    await second.stop();
  });

  it('a database or a bucket that is not there ends the start with a sentence that names it', async () => {
    const cases = [
      [
        { DRAGOMAN_DATABASE_URL: 'postgres://dragoman:secret@127.0.0.1:1/records' },
        'The database postgres://dragoman@127.0.0.1:1/records cannot be used',
      ],
      [
        {
          DRAGOMAN_FILES_URL: 's3://nowhere?endpoint=http://127.0.0.1:1',
          AWS_ACCESS_KEY_ID: 'a',
          AWS_SECRET_ACCESS_KEY: 'b',
        },
        'The bucket nowhere at http://127.0.0.1:1 cannot be used',
      ],
    ] as const;
    for (const [env, said] of cases) {
      const fault = await startServer({ env }).catch((error) => error);
      expect(fault.message).toContain(said);
      expect(fault.message).not.toContain('secret');
    }
  });
});
