import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Caller } from '../../support/cluster/caller.ts';
import { type Cluster, startCluster } from '../../support/cluster/cluster.ts';
import { note } from '../../support/cluster/for-file.ts';
import { type ClusterNode, startNode } from '../../support/cluster/node.ts';
import { freePort } from '../../support/free-port.ts';
import { hasNats } from '../../support/nats.ts';
import { hasS3Server } from '../../support/s3.ts';

describe.skipIf(!hasNats() || !hasS3Server())('files on a files role', () => {
  let cluster: Cluster;
  let files: ClusterNode;
  const secret = randomBytes(32).toString('hex');
  const env = { DRAGOMAN_FILES_SECRET: secret };

  beforeAll(async () => {
    const port = String(await freePort());
    files = await startNode('files', { ...env, DRAGOMAN_ROLE: 'files', DRAGOMAN_PORT: port });
    const gatewayEnv = { ...env, DRAGOMAN_FILES_URL: files.url };
    cluster = await startCluster({ gateways: 1, workers: 1, gatewayEnv });
  });
  afterAll(async () => {
    await cluster?.close();
    await files?.kill();
  });

  it('are stored and read as on S3; while it stands still runs go on and lose their files', async () => {
    const caller = new Caller(cluster.gateways[0]!, cluster.keys[0]);
    const session = await caller.openSession();
    const made = await caller.run("open('a.txt', 'w').write('a' * 500000)\nprint('made')", session);
    expect(made).toMatchObject({ outcome: 'completed', artifacts: [{ path: 'a.txt' }] });
    await cluster.workers[0]!.kill();
    await cluster.addWorker();
    await expect
      .poll(async () => caller.run("print(len(open('a.txt').read()))", session).catch((error) => error), {
        timeout: 60_000,
        interval: 500,
      })
      .toMatchObject({ outcome: 'completed', stdout: '500000\n' });
    await files.kill();
    const without = await caller.run("print('still')");
    expect(without).toMatchObject({ outcome: 'completed', stdout: 'still\n' });
    const lost = await caller.run("open('b.txt', 'w').write('b')\nprint('ran')");
    expect(lost).toMatchObject({ outcome: 'completed', stdout: 'ran\n', artifacts: [] });
    note('files role, kill -9', '200; code runs, its files are reported as lost', 1);
  });
});
