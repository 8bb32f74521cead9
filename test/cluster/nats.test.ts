import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hasNats, type NatsServer, startNats } from '../support/nats.ts';

describe.skipIf(!hasNats())('the NATS server that tests start', () => {
  it('takes a configuration, is killed and comes back on its port, and leaves no process', async () => {
    const server = await startNats('max_payload: 4096\nauthorization { users: [{ user: one, password: secret }] }');
    onTestFinished(() => server.close());
    expect(await greeting(server)).toMatchObject({ max_payload: 4096, auth_required: true, jetstream: true });
    const first = server.pid;
    await server.kill();
    expect(existsSync(`/proc/${first}`)).toBe(false);
    await server.restart();
    expect(await greeting(server)).toMatchObject({ port: server.port });
    await server.close();
    expect(existsSync(`/proc/${server.pid}`)).toBe(false);
  });

  it('says why it does not start', async () => {
    await expect(startNats('max_payload: one thousand')).rejects.toThrow(/did not start:\n.*Parse error/);
  });
});

function greeting({ port }: NatsServer): Promise<object> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('error', reject);
    socket.once('data', (data) => {
      socket.destroy();
      resolve(JSON.parse(/^INFO (.*)\r\n/.exec(data.toString())![1]!));
    });
  });
}
