import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { parseBucket } from '../../src/config/bucket.ts';
import { newId } from '../../src/core/index.ts';
import type { S3Place } from '../../src/stores/index.ts';
import { freePort } from './free-port.ts';

/** An S3 server in Go, Apache-2.0, that keeps objects as files. */
const source = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';
const program = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  'dragoman-tests',
  source.replaceAll(/[/@]/g, '_'),
  'versitygw',
);
const buildMs = 1_200_000;
const startMs = 30_000;
const credentials = { AWS_ACCESS_KEY_ID: 'dragoman', AWS_SECRET_ACCESS_KEY: 'loopback-only' };

/**
 * Whether there is a server to start. Builds it by Go's module proxy where it is not there yet: some minutes, once on a machine. Says why
 * where it cannot: the suites that run against it are then skipped.
 */
export function hasS3Server(): boolean {
  if (existsSync(program)) return true;
  const folder = join(program, '..');
  try {
    if (!hasGo()) throw new Error('Go is missing: install it to build one');
    mkdirSync(folder, { recursive: true });
    const env = { ...process.env, GOBIN: folder, CGO_ENABLED: '0', PATH: `${process.env.PATH}:/usr/local/go/bin` };
    execFileSync('go', ['install', source], { env, stdio: ['ignore', 'ignore', 'pipe'], timeout: buildMs });
    return true;
  } catch (error) {
    console.warn(`There is no S3 server, so what needs one is skipped: ${(error as Error).message}`);
    return false;
  }
}

function hasGo(): boolean {
  return [...(process.env.PATH ?? '').split(':'), '/usr/local/go/bin'].some((folder) => existsSync(join(folder, 'go')));
}

/** A real S3 server of this test file's own, on a free port of loopback. */
export interface S3Server {
  readonly pid: number;
  /** A new bucket. This process gets the credentials for it. */
  newBucket(): Promise<S3Place>;
  close(): Promise<void>;
}

export async function startS3Server(): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-s3-'));
  for (const name of ['data', 'meta']) mkdirSync(join(directory, name));
  const port = await freePort();
  Object.assign(process.env, credentials);
  const { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret } = credentials;
  const server = spawn(
    program,
    ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', '--sidecar', join(directory, 'meta'), join(directory, 'data')],
    { stdio: 'ignore', env: { PATH: process.env.PATH, ROOT_ACCESS_KEY_ID: access, ROOT_SECRET_ACCESS_KEY: secret } },
  );
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
  const close = async () => {
    client.destroy();
    server.kill('SIGKILL');
    await exited;
    await rm(directory, { recursive: true, force: true });
  };
  const deadline = performance.now() + startMs;
  for (let ready = false; !ready; ) {
    try {
      await client.send(new ListBucketsCommand({}));
      ready = true;
    } catch (error) {
      if (performance.now() < deadline) await sleep(100);
      else {
        await close();
        throw error;
      }
    }
  }
  return {
    pid: server.pid!,
    async newBucket() {
      const bucket = `b${newId()
        .replaceAll(/[^a-z0-9]/gi, '')
        .toLowerCase()}`;
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
      return parseBucket(`s3://${bucket}/files?endpoint=${endpoint}`);
    },
    close,
  };
}
