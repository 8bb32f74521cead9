import { expect, it } from 'vitest';
import { describeCluster, note } from '../../support/cluster/for-file.ts';

const gatewayEnv = { DRAGOMAN_ADMIN_KEYS: 'p0', DRAGOMAN_RATE_LIMITS: 'list=20/1h' };

describeCluster('what a principal may do', { gateways: 2, workers: 1, gatewayEnv }, (context) => {
  const ask = (gateway: number, key: string, method: string, path: string, body?: object) =>
    fetch(`${context.live(context.cluster.gateways)[gateway]!.url}${path}`, {
      method,
      headers: { 'x-api-key': key, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(30_000),
    });

  it('a key that one gateway revokes is refused by the other within seconds', async () => {
    const [admin] = context.cluster.keys;
    const made = await ask(0, admin, 'POST', '/admin/keys', { name: 'short-lived' });
    expect(made.status).toBe(201);
    const { secret, id } = (await made.json()) as { secret: string; id: string };
    expect((await ask(1, secret, 'GET', '/sessions')).status).toBe(200);
    const revoked = await ask(0, admin, 'DELETE', `/admin/keys/${id}`);
    expect(revoked.ok).toBe(true);
    const at = performance.now();
    expect((await ask(0, secret, 'GET', '/sessions')).status).toBe(401);
    await expect
      .poll(async () => (await ask(1, secret, 'GET', '/sessions')).status, { interval: 1000, timeout: 10_000 })
      .toBe(401);
    note(
      'a key revoked at one gateway',
      `refused by the other after ${Math.ceil((performance.now() - at) / 1000)} s`,
      0,
    );
  });

  it('its rate is the same on two gateways as on one', async () => {
    const [, key] = context.cluster.keys;
    const passed = async (gateway: number) => {
      let count = 0;
      for (let n = 0; n < 25; n++) if ((await ask(gateway, key, 'GET', '/sessions')).status === 200) count++;
      return count;
    };
    expect([await passed(0), await passed(1)]).toEqual([10, 10]);
  });
});
