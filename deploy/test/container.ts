import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DockerEngine } from './engine.ts';
import { image } from './images.ts';
import { eventually, root } from './shell.ts';
import { execute, health } from './wire.ts';

const url = 'http://127.0.0.1:8080';

/** The command of the guide that runs a container, with the image under test. */
function documentedRun(): string {
  const guide = readFileSync(join(root, 'docs/guides/containers.md'), 'utf8');
  const [, block] = /<!-- test:deploy runs this block\. -->\n```sh\n(.*?)```/s.exec(guide)!;
  return block!.replace(/\n {2}dragoman\n$/, `\n  ${image}\n`);
}

/** `doctor` with the options of that command, but for one. */
function doctorWithout(option: string): string {
  const command = documentedRun();
  if (!command.includes(option)) throw new Error(`the guide has no option ${option}`);
  return command
    .replace(option, '')
    .replace('--detach --name dragoman', '--rm')
    .replace('--publish 127.0.0.1:8080:8080', '')
    .replace('dragoman-data', 'dragoman-doctor')
    .replace(`\n  ${image}\n`, `\n  ${image} doctor\n`);
}

/** A container as the guide starts it. */
export function describeContainer(engine: () => DockerEngine, sandbox: () => string): void {
  describe('a container with the documented options', () => {
    let key: string;
    const run = (body: object) => execute(engine(), url, key, body);
    const serves = () =>
      eventually('the container serves', async () => (await health(engine(), url)) === 200).catch(async (error) => {
        const { output } = await engine().attempt('docker logs --tail 30 dragoman');
        throw new Error(`${error.message}; its log: ${output}`);
      });
    const inspect = (format: string) => engine().shell(`docker inspect --format '{{${format}}}' dragoman`);

    beforeAll(async () => {
      const started = performance.now();
      await engine().shell(documentedRun(), { env: { SANDBOX: sandbox() } });
      await serves();
      const served = performance.now();
      key = await engine().shell('docker exec dragoman dragoman keys create me');
      const before = performance.now();
      expect((await run({ lang: 'py', code: 'print(6 * 7)' })).stdout).toBe('42\n');
      const [start, first] = [served - started, performance.now() - before].map(Math.round);
      console.log(`docker run until it serves: ${start} ms; the first run after that: ${first} ms`);
    });
    afterAll(() => engine().attempt('docker rm --force dragoman && docker volume rm dragoman-data'));

    test.each([
      ['py', 'import pandas as pd; print(pd.Series([1, 2, 3]).sum())', '6\n'],
      ['js', 'console.log([1, 2, 3].map((n) => n * 2).join())', '2,4,6\n'],
      ['bash', 'echo $((6 * 7)); id -u', '42\n1000\n'],
    ])('runs %s', async (lang, code, stdout) => {
      expect(await run({ lang, code })).toMatchObject({ stdout, code: 0 });
    });

    test('becomes healthy', async () => {
      await eventually('health', async () => (await inspect('.State.Health.Status')) === 'healthy');
    });

    test('runs the service as a user without rights, and every sandbox as one of its own', async () => {
      const processes = await engine().shell('docker top dragoman -e -o uid,pid,args');
      expect(processes).toMatch(/^ *10001 .*src\/main\.ts serve *$/m);
      const sandboxes = [...processes.matchAll(/^ *(2\d{9}) /gm)].map(([, uid]) => uid);
      expect(new Set(sandboxes).size).toBeGreaterThan(3);
      const others = processes.split('\n').filter((line) => /^ *0 /.test(line));
      expect(others.every((line) => /tini|dragoman\.mjs|bwrap/.test(line))).toBe(true);
    });

    test('keeps sandboxes below its own control group', async () => {
      const id = await inspect('.Id');
      const groups = await engine().shell(`find /sys/fs/cgroup -maxdepth 6 -path '*${id}*/dragoman.*' -prune`);
      expect(groups).not.toBe('');
    });

    test('lacks nothing, says doctor', async () => {
      const { status, output } = await engine().attempt('docker exec dragoman dragoman doctor');
      expect(output).toContain('ok      a sandbox');
      expect(status).toBe(0);
    });

    test('keeps a session, its files and its keys over a restart', async () => {
      const head = `-H 'x-api-key: ${key}' -H 'content-type: application/json'`;
      const session = JSON.parse(await engine().inNetwork(`curl -sf ${url}/v1/sessions ${head} -d '{}'`));
      const cell = (code: string) => {
        const body = JSON.stringify({ language: 'python', code });
        return engine().inNetwork(`curl -sf ${url}/v1/sessions/${session.id}/executions ${head} -d '${body}'`);
      };
      await cell('open("kept.txt", "w").write("still here")');
      await engine().shell('docker restart dragoman');
      await serves();
      expect(await cell('print(open("kept.txt").read())')).toContain('still here');
    });

    test('ends in order when it is stopped', async () => {
      await engine().shell('docker stop --time 20 dragoman');
      expect(await inspect('.State.ExitCode')).toBe('0');
    });
  });

  describe('doctor in a container', () => {
    afterAll(() => engine().attempt('docker volume rm dragoman-doctor'));

    test.each([
      ['--security-opt seccomp=deploy/seccomp.json', '--security-opt seccomp=deploy/seccomp.json'],
      ['--security-opt systempaths=unconfined', '--security-opt systempaths=unconfined'],
      ['--cap-add CHOWN --cap-add SETUID --cap-add SETGID', '--cap-add CHOWN --cap-add SETUID --cap-add SETGID'],
      ['--volume /sys/fs/cgroup:/sys/fs/cgroup:rw --cgroupns host', '-v /sys/fs/cgroup:/sys/fs/cgroup:rw'],
      ['--volume "$SANDBOX:/sandbox:ro"', '-v <root directory>:/sandbox:ro'],
    ])('without %s names the option', async (option, named) => {
      const { status, output } = await engine().attempt(doctorWithout(option), { env: { SANDBOX: sandbox() } });
      expect(output).toContain('What Docker needs:');
      expect(output.split('What Docker needs:')[1]).toContain(named);
      expect(status).toBe(1);
    });
  });
}
