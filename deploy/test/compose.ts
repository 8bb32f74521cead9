import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DockerEngine } from './engine.ts';
import { image } from './images.ts';
import { root } from './shell.ts';
import { execute } from './wire.ts';

const key = 'a-key-of-the-test';
const url = 'http://127.0.0.1:8081';

/** The Compose files, with whatever Compose is installed. */
export function describeCompose(engine: () => DockerEngine, sandbox: () => string): void {
  describe('Compose', () => {
    let directory: string;
    let compose: string;
    const env = () => ({ SANDBOX: sandbox(), TAG: image, PUBLISH: '8081' });
    const run = (words: string) =>
      engine().shell(`${compose} ${words}`, { cwd: join(directory, 'compose'), env: env(), deadlineMs: 180_000 });

    beforeAll(async () => {
      const plugin = await engine().attempt('docker compose version');
      compose = plugin.status === 0 ? 'docker compose' : 'docker-compose';
      await engine().shell(`${compose} version`);
      directory = mkdtempSync(join(tmpdir(), 'dragoman-compose-'));
      cpSync(join(root, 'deploy/compose'), join(directory, 'compose'), { recursive: true });
      cpSync(join(root, 'deploy/seccomp.json'), join(directory, 'seccomp.json'));
      await engine().shell(`install -m 0400 -o 10001 /dev/stdin api-keys <<< 'default:${key}'`, {
        cwd: join(directory, 'compose'),
      });
    });
    afterAll(async () => {
      await run('down --volumes --timeout 20').catch(() => {});
      rmSync(directory, { recursive: true });
    });

    test('comes up healthy, runs a program with the key of the secret file, and goes down', async () => {
      await run('up --detach --wait --no-build');
      expect(await execute(engine(), url, key, { lang: 'py', code: 'print(6 * 7)' })).toMatchObject({ stdout: '42\n' });
      await run('down --timeout 20');
    });

    test('comes up again with its data after a backup', async () => {
      await run('up --detach --wait --no-build');
      const made = await run('exec -T dragoman dragoman keys create kept');
      await run('stop --timeout 20');
      const backup = `docker run --rm --volume dragoman_data:/data:ro --entrypoint tar ${image} -C /data -c . | tar -t`;
      expect(await engine().shell(backup)).toContain('./dragoman.db');
      await run('up --detach --wait --no-build --force-recreate');
      expect(await run('exec -T dragoman dragoman keys list')).toContain('kept');
      expect(made).toMatch(/^dgm_/);
    });

    test('renders the file for LibreChat over its own', async () => {
      const librechat = 'services:\n  api:\n    image: librechat\n    environment: [HOST=0.0.0.0]\n';
      writeFileSync(join(directory, 'compose/docker-compose.yml'), librechat);
      const text = await engine().shell(
        `${compose} -f docker-compose.yml -f compose.librechat.yaml config --format json`,
        { cwd: join(directory, 'compose'), env: { ...env(), CODE_KEY: 'k1' } },
      );
      const { services } = JSON.parse(text);
      expect(services.api.environment.LIBRECHAT_CODE_BASEURL).toBe('http://dragoman:8080/k/k1/v1');
      expect(services.dragoman.environment).toMatchObject({ DRAGOMAN_API_KEYS: 'librechat:k1' });
      expect(services.dragoman.ports ?? []).toEqual([]);
      expect(services.dragoman.cap_drop).toEqual(['ALL']);
    });
  });
}
