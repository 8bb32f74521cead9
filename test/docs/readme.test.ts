import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { startServer } from '../support/server.ts';

const guide = readFileSync(new URL('../../docs/guides/first-steps.md', import.meta.url), 'utf8');
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

const hasTools = ['curl', 'jq'].every((tool) => spawnSync(tool, ['--version']).status === 0);

it.runIf(hasTools)('the README and the first steps hold commands that work as they stand', async () => {
  const [, commands] = /```sh\n(.*?)```/s.exec(guide)!;
  const [, first] = /```sh\n(curl .*?)```/s.exec(readme)!;
  const server = await startServer();
  const directory = mkdtempSync(join(tmpdir(), 'dragoman-readme-'));
  onTestFinished(async () => {
    rmSync(directory, { recursive: true });
    await server.stop();
  });
  const here = `URL=${server.url}/v1\nKEY=${server.key}\n`;
  const script = `set -eu\n${here}${commands!.replace(/^(URL|KEY)=.*\n/gm, '')}\n${first!.replaceAll('http://127.0.0.1:8080', server.url)}`;
  const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: directory, timeout: 15_000 });
  expect(stdout).toContain('"stdout":"42\\n"');
  expect(stdout).toContain('1009650\n');
  expect(stdout).toContain('mean     2.0');
  expect(stdout).toContain('{"city":{"0":"Oslo","1":"Bergen"},"population":{"0":717710,"1":291940}}');
});
