import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ExecAnswer, exec } from '../support/client.ts';
import { type NativeClient, nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** TypeScript whose types are checked because its first argument asks for it, through both APIs. */

let server: TestServer;
let api: NativeClient;
beforeAll(async () => {
  server = await startServer({ env: { DRAGOMAN_RATE_LIMITS: 'off' } });
  api = nativeClient(server);
});
afterAll(() => server?.stop());

const wrong = 'console.log("it ran");\n\nconst size: number = process.argv.slice(2).join(" ");\nconsole.log(size);\n';
const right = wrong.replace('number', 'string');

const run = (code: string, ...args: string[]): Promise<ExecAnswer> => exec(server, { lang: 'ts', code, args });

it('refuses what is wrong, by its line, and runs nothing of it', async () => {
  const answer = await run(wrong, '--check', 'a');
  expect(answer).toMatchObject({ httpStatus: 200, code: 1, stdout: '' });
  expect(answer.stderr).toBe("main.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.\n");
});

it('runs what is right, which does not see that it was asked', async () => {
  expect(await run(right, '--check', 'a', '--check')).toMatchObject({
    code: 0,
    stdout: 'it ran\na --check\n',
    stderr: '',
  });
});

it('takes types away unread where it is not asked', async () => {
  expect(await run(wrong, 'a', '--check')).toMatchObject({ code: 0, stdout: 'it ran\na --check\n' });
  expect(await exec(server, { lang: 'js', code: 'console.log(process.argv[2])', args: ['--check'] })).toMatchObject({
    stdout: '--check\n',
  });
});

it('knows what programs may use: top-level await, enums, Node, packages with types and without', async () => {
  const code = [
    'import { readFile } from "node:fs/promises";',
    'import _ from "lodash";',
    'import { z } from "zod";',
    'enum Colour { Red = "red" }',
    'class Point { constructor(readonly x: number) {} }',
    'const schema = z.object({ colour: z.enum(Colour) });',
    'const parsed: { colour: Colour } = schema.parse({ colour: "red" });',
    'console.log(parsed.colour, new Point(_.sum([1, 2])).x, (await readFile("/etc/hostname", "utf8")).trim());',
    'setTimeout(() => console.log(typeof fetch), 1);',
  ].join('\n');
  expect(await run(code, '--check')).toMatchObject({ code: 0, stderr: '', stdout: 'red 3 sandbox\nfunction\n' });
  const misused = code.replace('.trim()', '.trimm()');
  expect((await run(misused, '--check')).stderr).toMatch(/^main\.ts\(8,\d+\): error TS2551: .*'trimm'/);
});

it('checks the files it imports, and says through the native API that nothing ran', async () => {
  const id = await api.session();
  const put = (path: string, text: string) =>
    api.cell(id, `open(${JSON.stringify(path)}, "w").write(${JSON.stringify(text)})`);
  await put('shapes.ts', 'export const area = (r: number): number => Math.PI * r ** 2;\n');
  const cell = { language: 'ts', args: ['--check'] };
  const code = 'import { area } from "./shapes";\nconsole.log(area(1).toFixed(2));';
  const first = await api.cell(id, code, cell);
  expect(first).toMatchObject({ stage: 'run', exit_code: 0, stdout: '3.14\n', stderr: '' });
  expect(first.compile_usage!.cpu_ms).toBeGreaterThan(10);
  expect(first.compile_usage!.peak_memory_bytes).toBeGreaterThan(1e6);
  expect(first.usage.cpu_ms).toBeGreaterThan(0);
  expect((await api.cell(id, code, cell)).compile_usage).toMatchObject({ cpu_ms: 0, wall_ms: 0 });

  await put('shapes.ts', 'export const area = (r: number): number => r.toFixed();\n');
  const second = await api.cell(id, code, cell);
  expect(second).toMatchObject({ outcome: 'completed', stage: 'compile', exit_code: 1, stdout: '' });
  expect(second.stderr).toContain('shapes.ts(1,44): error TS2322');
  expect(second.usage).toEqual({ cpu_ms: 0, wall_ms: 0, peak_memory_bytes: 0 });
  expect(second.compile_usage!.wall_ms).toBeGreaterThan(0);
});

it('is told by the list of languages', async () => {
  const answer = await fetch(`${server.url}/v1/languages`, { headers: { 'x-api-key': server.key } });
  const { languages } = (await answer.json()) as { languages: { name: string; check: { argument: string } | null }[] };
  expect(languages.filter(({ check }) => check).map(({ name, check }) => [name, check!.argument])).toEqual([
    ['typescript', '--check'],
  ]);
});
