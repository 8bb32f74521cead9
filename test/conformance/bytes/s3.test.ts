import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, onTestFinished } from 'vitest';
import { createS3Bytes } from '../../../src/stores/index.ts';
import { hasS3Server, type S3Server, startS3Server } from '../../support/s3.ts';
import { describeBytes } from './bytes.ts';
import { describeDirect } from './direct.ts';

describe.skipIf(!hasS3Server())('with a real S3 server', () => {
  let server: S3Server;

  beforeAll(async () => {
    server = await startS3Server();
  }, 60_000);

  afterAll(() => server?.close());

  const make = async () => {
    const directory = await mkdtemp(join(tmpdir(), 'dragoman-s3-incoming-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    return createS3Bytes({ place: await server.newBucket(), directory });
  };
  describeBytes('s3', make);
  describeDirect('s3', make);
});
