import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { imageRoot } from '../../test/support/image.ts';
import { type DockerEngine, openEngine } from './engine.ts';
import { buildImage, image } from './images.ts';
import { eventually, root } from './shell.ts';

let engine: DockerEngine;
let sandbox: string;

beforeAll(async () => {
  sandbox = await imageRoot();
  engine = await openEngine();
  const seconds = await buildImage(engine);
  const bytes = Number(await engine.shell(`docker image inspect --format '{{.Size}}' ${image}`));
  console.log(`image of the service: ${Math.round(bytes / 1e6)} MB, built in ${Math.round(seconds)} s`);
  await engine.leaveHostNetwork();
}, 1_800_000);
afterAll(() => engine?.close(), 60_000);

/** The command of the guide that runs a container, with the image under test. */
function documentedRun(): string {
  const guide = readFileSync(join(root, 'docs/guides/containers.md'), 'utf8');
  const [, block] = /<!-- test:deploy runs this block\. -->\n```sh\n(.*?)```/s.exec(guide)!;
  return block!.replace(/\n {2}dragoman\n$/, `\n  ${image}\n`);
}

/** The options of that command without one of them, for a command that is run once. */
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

const state = (name: string) => engine.shell(`docker inspect --format '{{.State.Health.Status}}' ${name}`);

/** Runs a program through the published port, as the guide does. */
async function execute(key: string, body: object): Promise<{ stdout: string; code: number; session_id: string }> {
  const data = JSON.stringify(body).replaceAll("'", "'\\''");
  const answer = await engine.inNetwork(
    `curl -sf -m 60 http://127.0.0.1:8080/v1/exec -H 'x-api-key: ${key}' -H 'content-type: application/json' -d '${data}'`,
  );
  return JSON.parse(answer);
}

describe('a container with the documented options', () => {
  let key: string;
  beforeAll(async () => {
    const started = performance.now();
    await engine.shell(documentedRun(), { env: { SANDBOX: sandbox } });
    const up = () =>
      engine.inNetwork('curl -s -o /dev/null http://127.0.0.1:8080/health -w "%{http_code}"').catch(() => '');
    await eventually('the container serves', async () => (await up()) === '200');
    const served = performance.now();
    key = await engine.shell('docker exec dragoman dragoman keys create me');
    const before = performance.now();
    expect((await execute(key, { lang: 'py', code: 'print(6 * 7)' })).stdout).toBe('42\n');
    const first = performance.now() - before;
    console.log(
      `docker run to healthy: ${Math.round(served - started)} ms; then the first run: ${Math.round(first)} ms`,
    );
  });
  afterAll(() => engine.attempt('docker rm --force dragoman && docker volume rm dragoman-data'));

  test.each([
    ['py', 'import pandas as pd; print(pd.Series([1, 2, 3]).sum())', '6\n'],
    ['js', 'console.log([1, 2, 3].map((n) => n * 2).join())', '2,4,6\n'],
    ['bash', 'echo $((6 * 7)); id -u', '42\n1000\n'],
  ])('runs %s', async (lang, code, stdout) => {
    expect(await execute(key, { lang, code })).toMatchObject({ stdout, code: 0 });
  });

  test('becomes healthy', async () => {
    await eventually('health', async () => (await state('dragoman')) === 'healthy');
  });

  test('runs the service as a user without rights, and every sandbox as one of its own', async () => {
    const pid = await engine.shell("docker inspect --format '{{.State.Pid}}' dragoman");
    const users = await engine.shell(`ps -e -o uid:12=,pid=,ppid=,args= --forest | grep -A1000 ' ${pid} ' | head -40`);
    expect(users).toMatch(/^ *10001 .*src\/main\.ts serve/m);
    expect(users).toMatch(/^ *200\d{7} /m);
    const status = await engine.shell(
      `for at in /proc/[0-9]*; do grep -qs 'src/main.ts' $at/cmdline && grep -qs '^Uid:.10001' $at/status && cat $at/status; done | grep -E 'NoNewPrivs|Seccomp:'`,
    );
    expect(status).toContain('NoNewPrivs:\t1');
    expect(status).toContain('Seccomp:\t2');
  });

  test('keeps sandboxes below its own control group', async () => {
    const id = await engine.shell("docker inspect --format '{{.Id}}' dragoman");
    const groups = await engine.shell(`find /sys/fs/cgroup -maxdepth 6 -path '*${id}*/dragoman*' -type d | head -3`);
    expect(groups).toContain('dragoman.');
  });

  test('says that nothing is missing', async () => {
    const { status, output } = await engine.attempt('docker exec dragoman dragoman doctor');
    expect(output).toContain('ok      a sandbox');
    expect(status).toBe(0);
  });

  test('keeps a session, its files and its keys over a restart', async () => {
    const url = 'http://127.0.0.1:8080/v1/sessions';
    const head = `-H 'x-api-key: ${key}' -H 'content-type: application/json'`;
    const session = JSON.parse(await engine.inNetwork(`curl -sf ${url} ${head} -d '{}'`));
    const cell = (code: string) =>
      engine.inNetwork(
        `curl -sf ${url}/${session.id}/executions ${head} -d '${JSON.stringify({ language: 'python', code })}'`,
      );
    await cell('open("kept.txt", "w").write("still here")');
    await engine.shell('docker restart dragoman');
    await eventually('the container serves again', async () => {
      const code = await engine
        .inNetwork('curl -s -o /dev/null http://127.0.0.1:8080/health -w "%{http_code}"')
        .catch(() => '');
      return code === '200';
    });
    expect(await cell('print(open("kept.txt").read())')).toContain('still here');
  });

  test('ends in order when it is stopped', async () => {
    await engine.shell('docker stop --time 20 dragoman');
    expect(await engine.shell("docker inspect --format '{{.State.ExitCode}}' dragoman")).toBe('0');
    await engine.shell('docker start dragoman');
  });
});

describe('doctor in a container', () => {
  afterAll(() => engine.attempt('docker volume rm dragoman-doctor'));

  test.each([
    ['--security-opt seccomp=deploy/seccomp.json', '--security-opt seccomp=deploy/seccomp.json'],
    ['--security-opt systempaths=unconfined', '--security-opt systempaths=unconfined'],
    ['--cap-add CHOWN --cap-add SETUID --cap-add SETGID', '--cap-add CHOWN --cap-add SETUID --cap-add SETGID'],
    ['--volume /sys/fs/cgroup:/sys/fs/cgroup:rw --cgroupns host', '-v /sys/fs/cgroup:/sys/fs/cgroup:rw'],
    ['--volume "$SANDBOX:/sandbox:ro"', '-v <root directory>:/sandbox:ro'],
  ])('without %s names the option', async (option, named) => {
    const { status, output } = await engine.attempt(doctorWithout(option), { env: { SANDBOX: sandbox } });
    expect(output).toContain('What Docker needs:');
    expect(output.split('What Docker needs:')[1]).toContain(named);
    expect(status).toBe(1);
  });
});
