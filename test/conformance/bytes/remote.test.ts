import { afterAll, beforeAll } from 'vitest';
import { startByteServer, type TestByteServer } from '../../support/byte-server.ts';
import { describeBytes } from './bytes.ts';
import { describeDirect } from './direct.ts';

let server: TestByteServer;

beforeAll(async () => {
  server = await startByteServer();
});

afterAll(() => server?.close());

describeBytes('a server of bytes', async () => server.newClient());
describeDirect('a server of bytes', async () => server.newClient());
