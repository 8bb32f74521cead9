import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { newIdentity, serverConfiguration } from '../../src/cluster/index.ts';
import { launched } from '../support/launched.ts';
import { hasNats, type NatsServer, startNats } from '../support/nats.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { hasS3Server, type S3Server, startS3Server } from '../support/s3.ts';

const run = promisify(execFile);
const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

interface Report {
  readonly usable: boolean;
  readonly checks: readonly { readonly name: string; readonly state: string; readonly detail: string }[];
}

const users = `authorization { users: [
  { user: gateway, password: secret }
  { user: w2, password: secret, permissions: { publish: ["dg.g.*.w2", "$KV.dg_workers.>"], subscribe: ["dg.w.>", "_INBOX_dg_w_w2.>"] } }
] }`;

describe.skipIf(!hasNats() || !hasS3Server())('doctor cluster', () => {
  let nats: NatsServer;
  let postgres: Postgres;
  let s3: S3Server;
  let dataDir: string;

  beforeAll(async () => {
    [nats, postgres, s3] = await Promise.all([startNats(users), startPostgres(), startS3Server()]);
    dataDir = mkdtempSync(join(tmpdir(), 'dragoman-doctor-'));
  });
  afterAll(async () => {
    await Promise.all([nats?.close(), postgres?.close(), s3?.close()]);
    rmSync(dataDir, { recursive: true, force: true });
  });

  const urlOf = (user: string) => `nats://${user}:secret@127.0.0.1:${nats.port}`;
  const examine = async (settings: Readonly<Record<string, string>>) => {
    const env = { ...launched, DRAGOMAN_DATA_DIR: dataDir, ...settings };
    const { stdout } = await run(process.execPath, [main, 'doctor', 'cluster', '--json'], { env }).catch(
      (error) => error,
    );
    const report = JSON.parse(stdout) as Report;
    const states = Object.fromEntries(report.checks.map(({ name, state }) => [name, state]));
    return { report, states, detailOf: (name: string) => report.checks.find((check) => check.name === name)?.detail };
  };

  it('looks at the servers of a gateway, and names what is wrong with them', async () => {
    const { bucket, prefix, endpoint } = await s3.newBucket();
    const { report, states, detailOf } = await examine({
      DRAGOMAN_ROLE: 'gateway',
      DRAGOMAN_NATS_URL: urlOf('gateway'),
      DRAGOMAN_DATABASE_URL: await postgres.newSchema(),
      DRAGOMAN_FILES_URL: `s3://${bucket}/${prefix}?endpoint=${endpoint}`,
      AWS_ACCESS_KEY_ID: process.env.AWS_ACCESS_KEY_ID!,
      AWS_SECRET_ACCESS_KEY: process.env.AWS_SECRET_ACCESS_KEY!,
    });
    expect(states, JSON.stringify(report.checks, null, 1)).toEqual({
      'NATS server': 'present',
      JetStream: 'present',
      encryption: 'absent',
      'clock of NATS': 'absent',
      workers: 'absent',
      strangers: 'present',
      PostgreSQL: 'present',
      // The database of tests gains time by it.
      'its settings': 'missing',
      'clock of database': 'present',
      [`bucket ${bucket}`]: 'present',
      'its checksums': 'present',
      'conditional writes': 'present',
      'clock of bucket': 'present',
    });
    expect(detailOf('its settings')).toContain('set fsync to on');
    expect(report.usable).toBe(false);
  });

  it('tries with the rights of a worker what must be refused, and names each right that it has and must not have or lacks', async () => {
    const identity = newIdentity();
    const generated = await startNats(
      serverConfiguration({
        listen: '127.0.0.1:4222',
        storeDir: '/',
        gateways: newIdentity().publicKey,
        workers: new Map([['w1', identity.publicKey]]),
      }),
    );
    onTestFinished(() => generated.close());
    const worker = (DRAGOMAN_NATS_URL: string, name?: string, settings = {}) =>
      examine({
        DRAGOMAN_ROLE: 'worker',
        DRAGOMAN_NATS_URL,
        ...(name === undefined ? {} : { DRAGOMAN_WORKER_NAME: name }),
        ...settings,
      });
    const seed = { DRAGOMAN_NATS_SEED: identity.seed };
    const [right, many, all, wrong] = await Promise.all([
      worker(generated.url, 'w1', seed),
      worker(urlOf('w2')),
      worker(urlOf('gateway'), 'w3'),
      worker(generated.url, 'another', seed),
    ]);
    expect(right.report).toMatchObject({ usable: true });
    expect(many.states['rights of worker']).toBe('missing');
    const said = many.detailOf('rights of worker');
    expect(said).toContain('hear what gateways ask other workers (dg.w.>)');
    expect(said).toContain('send the lease of another worker');
    expect(said).not.toContain('dg.ev');
    expect(all.detailOf('rights of worker')?.match(/it may /g)?.length).toBe(25);
    expect(wrong.detailOf('rights of worker')).toContain('it may not hear what gateways ask it');
  });

  it('says which server does not answer, and that strangers get in', async () => {
    const open = await startNats();
    const worker = await examine({ DRAGOMAN_ROLE: 'worker', DRAGOMAN_NATS_URL: open.url, DRAGOMAN_WORKER_NAME: 'w1' });
    expect(worker.states.strangers).toBe('missing');
    await open.close();
    const gone = await examine({ DRAGOMAN_ROLE: 'worker', DRAGOMAN_NATS_URL: open.url, DRAGOMAN_WORKER_NAME: 'w1' });
    expect(gone.detailOf('NATS')).toContain('No NATS server answers');
  });
});
