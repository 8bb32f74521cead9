import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { model, type OpenAiService, startOpenAi } from '../support/openai.ts';

/** What is shown to people must run. */
let service: OpenAiService;
let folder: string;
beforeAll(async () => {
  service = await startOpenAi();
});
afterAll(() => service?.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dragoman-example-'));
});
afterEach(() => {
  service.upstream.reset();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs an example in a folder of its own; returns what it printed. */
async function run(name: string, { asksModel = true } = {}): Promise<string> {
  const file = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
  const child = spawn(process.execPath, [file], {
    cwd: folder,
    env: { PATH: process.env.PATH, URL: service.baseURL, KEY: service.server.key },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 50_000,
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${err}`);
  // No model is named.
  expect(new Set(service.upstream.requests.map(({ body }) => body.model))).toEqual(new Set(asksModel ? [model] : []));
  return out;
}

test('openai-node.mjs', async () => {
  const code =
    'import pandas as pd\nn = pd.read_csv("/mnt/data/cities.csv").people.sum()\nopen("/mnt/data/sum.txt", "w").write(str(n))';
  service.upstream.say([{ python: code }], [{ text: 'It is in [sum.txt](sandbox:/mnt/data/sum.txt).' }]);
  service.upstream.say([{ python: 'print(n // 2)' }], ({ body }) => [
    { text: `Half: ${body.messages.at(-1).content}` },
  ]);
  const out = await run('openai-node.mjs');
  expect(out).toContain('--- running');
  expect(out).toContain('saved sum.txt');
  expect(readFileSync(join(folder, 'sum.txt'), 'utf8')).toBe('1009650');
  expect(out).toContain('Half: 504825');
});

test('ai-sdk.mjs', async () => {
  const code = 'print(sum(all(n % d for d in range(2, int(n ** .5) + 1)) for n in range(2, 10000)))';
  service.upstream.say([{ python: code }], [{ text: 'There are ' }, { text: '1229.' }]);
  const out = await run('ai-sdk.mjs');
  expect(out).toContain(code);
  expect(out).toContain('"logs":"1229\\n"');
  expect(out).toContain('There are 1229.');
});

test('agents-sdk.mjs', async () => {
  service.upstream.say(
    [{ call: 'temperatures', arguments: { city: 'Oslo' } }],
    [{ python: 'import statistics; print(statistics.median([3, 4, 6, 5, 9]))' }],
    ({ body }) => [{ text: `The median is ${body.messages.at(-1).content}` }],
  );
  expect(await run('agents-sdk.mjs')).toContain('The median is 5');
});

test('langchain.mjs', async () => {
  service.upstream.say([{ python: 'squares = [n * n for n in range(100)]' }], [{ text: 'Kept.' }]);
  service.upstream.say([{ python: 'print(sum(squares))' }], ({ body }) => [
    { text: `${body.messages.at(-1).content}` },
  ]);
  const out = await run('langchain.mjs');
  expect(out).toContain('Kept.');
  expect(out).toContain('328350');
});

test('anthropic-node.mjs', async () => {
  const code =
    'import pandas as pd\nn = pd.read_csv("cities.csv").people.sum()\nopen("sum.txt", "w").write(str(n))\nprint(n)';
  service.upstream.say([{ call: 'code_execution', arguments: { code } }], ({ body }) => [
    { text: `The sum is ${body.messages.at(-1).content}` },
  ]);
  const out = await run('anthropic-node.mjs');
  expect(out).toContain('--- code_execution');
  expect(out).toContain('The sum is 1009650');
  expect(out).toMatch(/saved sum.txt\ncontainer container_\S+ until /);
  expect(readFileSync(join(folder, 'sum.txt'), 'utf8')).toBe('1009650');
});

test('client.mjs', async () => {
  // The package as it is published: `@dragoman/client` in node_modules is a link to it.
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '--project', join(root, 'client/tsconfig.json')]);
  const out = await run('client.mjs', { asksModel: false });
  expect(out).toBe(
    'asked for Oslo\nasked for Bergen\npeople per square kilometre:\n[1581.0, 628.0]\nsaved with-area.csv\n',
  );
  expect(readFileSync(join(folder, 'with-area.csv'), 'utf8')).toContain('Oslo,717710,454');
});
