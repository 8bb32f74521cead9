import { execFile } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const tsc = join(root, 'node_modules/typescript/bin/tsc');
let folder: string;

/** A project that has the package as npm would install it: built, and nothing else. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'client-package-'));
  const copy = join(folder, 'build');
  cpSync(join(root, 'client'), copy, { recursive: true, filter: (path) => !/client\/(dist|node_modules)/.test(path) });
  await run(process.execPath, [tsc, '--project', join(copy, 'tsconfig.json')]);
  const installed = join(folder, 'node_modules/@dragoman/client');
  mkdirSync(installed, { recursive: true });
  for (const part of ['package.json', 'dist']) cpSync(join(copy, part), join(installed, part), { recursive: true });
  rmSync(copy, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('is typed for a strict program of a browser, without the types of Node', async () => {
  writeFileSync(
    join(folder, 'program.ts'),
    `import { ApiError, Dragoman, type Execution } from '@dragoman/client';
     const dragoman = new Dragoman({ url: 'http://127.0.0.1:8080' });
     const session = await dragoman.sessions.create({ name: 'typed' });
     const result: Execution = await session.run({ language: 'python', code: '1' });
     for await (const event of await session.start({ language: 'python', code: '1' })) {
       if (event.type === 'stdout') event.text satisfies string;
     }
     // @ts-expect-error: an outcome is one of a few words
     result.outcome satisfies 'fine';
     // @ts-expect-error: code has a language
     await session.run({ code: '1' });
     export const code = (error: unknown) => (error instanceof ApiError ? error.code : undefined);`,
  );
  const config = {
    compilerOptions: {
      target: 'es2022',
      lib: ['es2023', 'dom', 'dom.asynciterable'],
      module: 'nodenext',
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
    },
    files: ['program.ts'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const { stdout } = await run(process.execPath, [tsc, '--project', folder]).catch((error) => error);
  expect(stdout).toBe('');
});

it('is JavaScript that Node loads without any other package', async () => {
  const text = "import('@dragoman/client').then((it) => console.log(Object.keys(it).sort().join()))";
  const { stdout } = await run(process.execPath, ['--eval', text], { cwd: folder });
  expect(stdout.trim()).toBe('ApiError,ConnectionError,DeadlineError,Dragoman,DragomanError,PathError');
});

it('uses nothing that only Node has', () => {
  const sources = globSync('client/src/**/*.ts', { cwd: root });
  expect(sources.length).toBeGreaterThan(10);
  const texts = sources.map((file) => readFileSync(join(root, file), 'utf8')).join('\n');
  expect(texts.match(/from '(?!\.\/)[^']*'|\b(?:process|Buffer|require|setImmediate)\b[.(]/g)).toBeNull();
});

it('has the version of the service', () => {
  const version = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8')).version;
  expect(version('client/package.json')).toBe(version('package.json'));
});
