import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { newId } from '../../src/core/index.ts';
import { ByteServer, type Bytes, createDiskBytes, createRemoteBytes } from '../../src/stores/index.ts';

/** A server of bytes on loopback. */
export interface TestByteServer {
  readonly url: string;
  readonly secret: Buffer;
  /** Where its bytes and proofs lie. */
  readonly directory: string;
  /** A client of it, which has not been started; it ends with the test. */
  newClient(): Bytes;
  close(): Promise<void>;
}

export async function startByteServer(now: () => number = Date.now): Promise<TestByteServer> {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-byte-server-'));
  const disk = createDiskBytes({ directory: join(directory, 'disk') });
  await disk.start();
  const secret = randomBytes(32);
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const server = new ByteServer({ bytes: disk, directory: join(directory, 'proofs'), secret, logger, now });
  const { host, port } = await server.start('127.0.0.1', 0);
  const url = `http://${host}:${port}`;
  return {
    url,
    secret,
    directory,
    newClient() {
      const bytes = createRemoteBytes({ url, secret, directory: join(directory, newId()), now });
      onTestFinished(() => bytes.close());
      return bytes;
    },
    async close() {
      await server.close(0);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
