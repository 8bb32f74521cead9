import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { describeCluster } from '../support/cluster/for-file.ts';

const workerEnv = { DRAGOMAN_POOL: '1', DRAGOMAN_CONCURRENCY: '2' };

describeCluster('files of a worker without credentials', { gateways: 1, workers: 1, workerEnv }, (context) => {
  const fetchFile = async (path: string, init: RequestInit = {}) => {
    const { url } = context.cluster.gateways[0]!;
    const headers = { authorization: `Bearer ${context.cluster.keys[0]}`, ...init.headers };
    return fetch(`${url}/v1${path}`, { ...init, headers, signal: AbortSignal.timeout(60_000) });
  };

  it('come and go by signed requests, and a session finds its own on another worker', async () => {
    const caller = context.caller();
    const session = await caller.openSession();
    const given = Buffer.alloc(700_000, 'given ');
    const put = await fetchFile(`/sessions/${session}/files/in/given.txt`, { method: 'PUT', body: given });
    expect(put.status, await put.text()).toBeLessThan(300);
    const ran = await caller.run(
      "d = open('in/given.txt').read()\nprint(len(d))\nopen('made.txt', 'w').write(d[::-1])\nx = 41",
      session,
    );
    expect(ran).toMatchObject({ status: 'done', outcome: 'completed', stdout: '700000\n' });
    const made = Buffer.from(given.toString().split('').reverse().join(''));
    const sha256 = createHash('sha256').update(made).digest('hex');
    expect(ran.artifacts).toMatchObject([{ path: 'made.txt', sha256 }]);
    expect(Buffer.from(await (await fetchFile(`/sessions/${session}/files/made.txt`)).arrayBuffer()).equals(made)).toBe(
      true,
    );
    await context.cluster.workers[0]!.kill();
    await context.heal();
    const code = "print(len(open('made.txt').read()), len(open('in/given.txt').read()))";
    await expect
      .poll(async () => caller.run(code, session).catch((error) => error), { timeout: 60_000, interval: 500 })
      .toMatchObject({ outcome: 'completed', stdout: '700000 700000\n' });
  });

  it('of code without a session are recorded, equal ones of two principals too; previews are made', async () => {
    const code = "open('t.csv', 'w').write('a,b\\n' + '1,2\\n' * 300)";
    for (const key of [0, 1] as const)
      expect(await context.caller(0, key).run(code)).toMatchObject({
        outcome: 'completed',
        artifacts: [{ path: 't.csv' }],
      });
    const caller = context.caller();
    const session = await caller.openSession();
    expect(await caller.run(code, session)).toMatchObject({ artifacts: [{ path: 't.csv' }] });
    const preview = await fetchFile(`/sessions/${session}/files/t.csv/preview`, {
      headers: { accept: 'application/json' },
    });
    expect(preview.status, await preview.clone().text()).toBe(200);
    expect(await preview.text()).toContain('"a"');
  });
});
