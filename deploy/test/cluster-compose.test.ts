import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { attempt, root, shell } from './shell.ts';

interface Service {
  readonly environment?: Readonly<Record<string, string>>;
  readonly networks?: Readonly<Record<string, unknown>>;
  readonly ports?: readonly { readonly host_ip: string }[];
  readonly cap_drop?: readonly string[];
  readonly read_only?: boolean;
  readonly secrets?: readonly unknown[];
}

test('the Compose file for many machines holds together, and a worker has nothing but its own key', async () => {
  const plugin = await attempt('docker compose version');
  const compose = plugin.status === 0 ? 'docker compose' : 'docker-compose';
  const directory = mkdtempSync(join(tmpdir(), 'dragoman-compose-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  cpSync(join(root, 'deploy/compose'), join(directory, 'compose'), { recursive: true });
  const cwd = join(directory, 'compose');
  writeFileSync(join(cwd, 'api-keys'), 'default:key');
  // As its first lines say.
  const [, words] = /dragoman (cluster nats-config .*)/.exec(await shell('cat compose.cluster.yaml', { cwd }))!;
  execFileSync(process.execPath, [join(root, 'src/main.ts'), ...words!.trim().split(' ')], { cwd, stdio: 'ignore' });
  const env = { SANDBOX: '/sandbox-root', DATABASE_PASSWORD: 'p', BUCKET_KEY: 'k', BUCKET_SECRET: 's' };
  const text = await shell(`${compose} -f compose.cluster.yaml config --format json`, { cwd, env });
  const { services, networks } = JSON.parse(text) as {
    services: Readonly<Record<string, Service>>;
    networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  };
  expect(Object.keys(services).sort()).toEqual(
    ['bucket', 'bucket-made', 'database', 'gateway-1', 'gateway-2', 'nats', 'worker-1', 'worker-2'].sort(),
  );
  expect(networks.inside!.internal).toBe(true);
  for (const [name, service] of Object.entries(services)) {
    const isGateway = name.startsWith('gateway');
    expect(
      (service.ports ?? []).map(({ host_ip }) => host_ip),
      name,
    ).toEqual(isGateway ? ['127.0.0.1'] : []);
    expect(Object.keys(service.networks ?? {}).includes('outside'), name).toBe(isGateway);
    if (!isGateway && !name.startsWith('worker')) continue;
    expect(service).toMatchObject({ cap_drop: ['ALL'], read_only: true });
  }
  const own = ['DRAGOMAN_NATS_SEED', 'DRAGOMAN_NATS_URL', 'DRAGOMAN_ROLE', 'DRAGOMAN_WORKER_NAME'];
  for (const name of ['worker-1', 'worker-2']) {
    expect(Object.keys(services[name]!.environment!).sort()).toEqual(own);
    expect(services[name]!.environment!.DRAGOMAN_WORKER_NAME).toBe(name);
    expect(services[name]!.secrets ?? []).toEqual([]);
  }
  const seeds = Object.values(services).flatMap(({ environment }) => environment?.DRAGOMAN_NATS_SEED ?? []);
  // Two workers and the gateways, who share one.
  expect(new Set(seeds).size).toBe(3);
});
