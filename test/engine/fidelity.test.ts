import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pathFault } from '../../src/core/index.ts';
import { exec } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** What a client sends arrives in the sandbox byte for byte, or is refused. */
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { DRAGOMAN_RATE_LIMITS: 'off' } });
});
afterAll(() => server?.stop());

const bounded = { numRuns: 60, interruptAfterTimeLimit: 3000, markInterruptAsFailure: false } as const;
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(
    '',
    ' ',
    '-c',
    '--',
    '$(id)',
    '`',
    '"',
    "'",
    '\n',
    '\r\n',
    '\\',
    '\ufeff',
    '\u2028',
    '\u{1f600}',
    '\ud800',
    '\0',
  ),
);
const hex = (value: string) => Buffer.from(value).toString('hex');

interface Stored {
  readonly session_id: string;
  readonly files: readonly { readonly id: string; readonly filename: string }[];
}

const echo = {
  py: 'import os, sys\nfor a in sys.argv[1:]: print("<" + os.fsencode(a).hex() + ">")',
  js: 'for (const a of process.argv.slice(2)) console.log("<" + Buffer.from(a).toString("hex") + ">")',
  bash: `for a in "$@"; do echo "<$(printf %s "$a" | od -An -v -tx1 | tr -d ' \\n')>"; done`,
};

it.each(Object.entries(echo))('arguments, in %s', async (lang, code) => {
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 5 }), async (args) => {
      const answer = await exec(server, { lang, code, args });
      if (args.some((arg) => arg.includes('\0') || !arg.isWellFormed())) {
        expect(answer).toMatchObject({ httpStatus: 400, error: expect.stringMatching(/^args must/) });
      } else {
        expect(answer).toMatchObject({ code: 0, stderr: '', stdout: args.map((arg) => `<${hex(arg)}>\n`).join('') });
      }
    }),
    bounded,
  );
});

it('text in a program', async () => {
  await fc.assert(
    fc.asyncProperty(text, async (value) => {
      fc.pre(!/[\0\r']/.test(value) && value.isWellFormed());
      const code = `cat <<'the-end-of-it'\n${value}\nthe-end-of-it`;
      expect(await exec(server, { lang: 'bash', code })).toMatchObject({ code: 0, stdout: `${value}\n` });
    }),
    bounded,
  );
});

it('an input in a hidden directory is not taken for deleted', async () => {
  const headers = { 'x-api-key': server.key };
  const form = new FormData();
  form.append('file', new Blob(['x']), '.config/__pycache__/a.txt');
  const stored = await fetch(`${server.url}/v1/upload`, { method: 'POST', body: form, headers });
  const { session_id, files } = (await stored.json()) as Stored;
  const { id, filename: name } = files[0]!;
  const run = (code: string) => exec(server, { lang: 'bash', code, files: [{ id, session_id, name }] });
  expect(await run('true')).toMatchObject({ files: [{ id, name, inherited: true }] });
  const changed = await run(`echo y > ${name}`);
  expect(changed).toMatchObject({ files: [{ name, modified_from: { id } }] });
  expect(await run(`rm ${name}`)).toMatchObject({ files: [], deleted_files: [name] });
});

it('names and contents of files, in and out', async () => {
  const segment = fc.oneof(text, fc.stringMatching(/^[a-zA-Z0-9 ._-]{1,12}$/));
  const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join('/'));
  const content = fc.uint8Array({ maxLength: 100 });
  let arrived = 0;
  await fc.assert(
    fc.asyncProperty(path, content, async (name, bytes) => {
      // What would end the header's value: every client has its own way with it.
      fc.pre(name.isWellFormed() && !/["\\\r\n]/.test(name));
      const headers = { 'x-api-key': server.key };
      const form = new FormData();
      form.append('file', new Blob([Buffer.from(bytes)]), name);
      const stored = await fetch(`${server.url}/v1/upload`, { method: 'POST', body: form, headers });
      expect(stored.status).toBe(pathFault(name) === undefined ? 200 : 400);
      if (stored.status !== 200) return;
      arrived++;
      const { session_id, files } = (await stored.json()) as Stored;
      expect(files[0]!.filename).toBe(name);
      const { id } = files[0]!;
      const run = await exec(server, {
        lang: 'py',
        code: 'import os\nfor d, _, fs in os.walk(b"."):\n  for f in fs:\n    p = os.path.join(d, f)[2:]\n    if p != b"main.py": print(p.hex(), open(p, "rb").read().hex())',
        files: [{ id, session_id, name }],
      });
      expect(run).toMatchObject({ stderr: '', stdout: `${hex(name)} ${Buffer.from(bytes).toString('hex')}\n` });
      expect(run.files).toMatchObject([{ id, name, inherited: true }]);
      const back = await fetch(`${server.url}/v1/download/${session_id}/${id}`, { headers });
      expect(Buffer.from(await back.arrayBuffer())).toEqual(Buffer.from(bytes));
      expect(back.headers.get('content-disposition')).toContain('attachment');
    }),
    bounded,
  );
  expect(arrived).toBeGreaterThan(5);
});
