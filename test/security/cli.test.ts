import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { cli, folder } from '../support/cli.ts';
import { attacking } from './attack.ts';

const ids = { id: 'b7Vw2HsTq9LmXe4RfYc1Z', session_id: 'Qy3kZr0vXc7TgWbN5mLpA', language: 'python' };

/** A service in the hands of an attacker: it tells of files that no real one would, and hands out what is asked for. */
async function hostileService(paths: readonly string[]): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    if (request.method === 'GET') return response.end('hostile');
    const artifacts = paths.map((path) => ({ ...ids, path, size: 7, change: 'created' }));
    const end = { ...ids, status: 'done', outcome: 'completed', exit_code: 0, signal: null };
    const events = [
      ['start', ids],
      ['stdout', { text: 'said' }],
      ...artifacts.map((artifact) => ['artifact', artifact]),
      ['done', end],
    ];
    response.setHeader('content-type', 'text/event-stream');
    response.end(
      events.map(([name, data], i) => `event: ${name}\nid: ${i}\ndata: ${JSON.stringify(data)}\n\n`).join(''),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, asked };
}

it('no name of a file leads the command line out of its folder', attacking('downloads'), async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'secret'), 'secret');
  mkdirSync(join(cwd, 'out'));
  symlinkSync(cwd, join(cwd, 'out/link'));
  symlinkSync(join(cwd, 'secret'), join(cwd, 'out/pointer'));
  const names = [
    '../secret',
    '/tmp/climbed',
    'a/../../secret',
    'link/secret',
    'pointer',
    '..',
    'a\u0000b',
    '\u001b]0;x\u0007',
    'fine',
  ];
  const { url, asked } = await hostileService(names);
  const { code, stdout, stderr } = await cli(['run', '-', '--out', 'out', '--url', url], { cwd, stdin: '1' });
  // 125: it could not save all results.
  expect({ code, stdout }).toEqual({ code: 125, stdout: 'said' });
  expect(readFileSync(join(cwd, 'secret'), 'utf8')).toBe('secret');
  expect(readdirSync(cwd).sort()).toEqual(['out', 'secret']);
  expect(readFileSync(join(cwd, 'out/fine'), 'utf8')).toBe('hostile');
  expect(readdirSync(join(cwd, 'out')).sort()).toEqual(['fine', 'link', 'pointer']);
  // Nothing that controls a terminal is printed, and no other address is asked.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  expect(stderr).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/);
  expect(
    asked.filter((address) => !/^\/v1\/(?:executions$|sessions\/Qy3kZr0vXc7TgWbN5mLpA\/files\/)/.test(address)),
  ).toEqual([]);
});
