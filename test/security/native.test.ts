import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newId } from '../../src/core/index.ts';
import { guestFiles } from '../../src/sandbox/linux/guest-files.ts';
import { PipeLink } from '../../src/sandbox/linux/pipes/link.ts';
import { seccompProgram } from '../../src/sandbox/linux/seccomp/index.ts';
import { ownUserMap, sandboxUsers } from '../../src/sandbox/linux/user-map.ts';
import { SandboxUsers } from '../../src/sandbox/linux/users.ts';
import type { Zygote } from '../../src/sandbox/namespaces/zygote.ts';
import { ZygoteFamily } from '../../src/sandbox/namespaces/zygote-family.ts';
import type { ExitStatus } from '../../src/sandbox/port.ts';
import '../support/fuzz-seed.ts';
import { imageRoot, nativeDir } from '../support/image.ts';
import { buildFuzzer, fuzz } from '../support/native-fuzz.ts';
import { attacking } from './attack.ts';

let fuzzer: readonly string[] | undefined;
beforeAll(async () => {
  fuzzer = await buildFuzzer();
}, 60_000);

/** What the reader of the helper sees in each text: strings as they are, other values as the text they have; undefined where it refuses. */
function seen(texts: readonly string[]): (string[] | undefined)[] {
  const { stdout, status, stderr } = spawnSync(fuzzer![0]!, fuzzer!.slice(1), {
    input: `${texts.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const value = (text: string) =>
    text.startsWith('text:') ? Buffer.from(text.slice(5), 'hex').toString() : JSON.stringify(JSON.parse(text));
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => (line === '!' ? undefined : line.split('\t').slice(0, -1).map(value)));
}

describe("the helper's reader of JSON", attacking('results'), () => {
  it('stays within its bounds whatever it reads', { timeout: 60_000 }, async ({ skip }) => {
    if (!fuzzer) return skip('the image has no compiler with sanitizers');
    expect(await fuzz(fuzzer, 3, Number(process.env.FUZZ_SEED ?? 20_261_130))).toMatch(/^[1-9]\d* texts/);
  });

  it('reads what JSON.stringify writes, as JSON.parse does', { timeout: 60_000 }, ({ skip }) => {
    if (!fuzzer) return skip('the image has no compiler with sanitizers');
    const text = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => text.replaceAll('\0', ''));
    const inner = fc.jsonValue({ maxDepth: 3 }).filter((value) => typeof value !== 'string');
    const either = fc.array(fc.oneof(text, inner), { maxLength: 8 });
    const wholes = fc.sample(
      fc.oneof(
        either,
        either.map((values) => ({ ...values })),
      ),
      300,
    );
    const expected = wholes.map((whole) =>
      // Half a pair of surrogates has no UTF-8.
      Object.values(whole).map((value) => (typeof value === 'string' ? value.toWellFormed() : JSON.stringify(value))),
    );
    expect(seen(wholes.map((whole) => JSON.stringify(whole)))).toEqual(expected);
  });

  it('refuses what is not JSON, too deep, or has a zero in a string', { timeout: 60_000 }, ({ skip }) => {
    if (!fuzzer) return skip('the image has no compiler with sanitizers');
    const refused = [
      ...['', '{', '[1,]', '{"a":1,}', '{"a" 1}', '{a:1}', '[01]', '[1.]', '[+1]', '[.5]', '[1e]', '[tru]', '[nan]'],
      ...['["\\x"]', '["\\u12g4"]', '["\t"]', '["a]', '[1]]', '[1] x', '{}{}', `${'['.repeat(18)}${']'.repeat(18)}`],
    ];
    expect(seen(refused)).toEqual(refused.map(() => undefined));
    expect(seen(['["\\u0000"]'])).toEqual([[JSON.stringify('\0')]]);
  });
});

describe('a sandbox of the bare zygote', attacking('results'), () => {
  let family: ZygoteFamily;
  let zygote: Zygote;
  let users: SandboxUsers | undefined;
  let programs: string;
  beforeAll(async () => {
    programs = mkdtempSync(join(tmpdir(), 'programs-'));
    chmodSync(programs, 0o711);
    writeFileSync(join(programs, 'ab-12'), 'kept', { mode: 0o444 });
    writeFileSync(join(programs, 'ab-13'), 'kept', { mode: 0o444 });
    chmodSync(join(programs, 'ab-13'), 0);
    symlinkSync('ab-12', join(programs, 'cd'));
    mkdirSync(join(programs, 'de'));
    if (process.getuid!() === 0) users = await SandboxUsers.open(sandboxUsers(ownUserMap(), 2_000_000_000));
    const path = (folder: string) => fileURLToPath(new URL(`../../${folder}`, import.meta.url));
    family = new ZygoteFamily({
      templates: [{ name: 'bare', isBare: true, imports: [], warm: null }],
      imageRoot: await imageRoot(),
      files: guestFiles({ guestDir: path('guest'), nativeDir: await nativeDir(), runtimesDir: path('runtimes') }),
      seccomp: seccompProgram(process.arch as 'x64' | 'arm64'),
      users,
      entrances: [],
      programs,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      onEnd() {},
    });
    zygote = family.zygotes[0]!;
    await zygote.loaded;
  }, 60_000);
  afterAll(async () => {
    await family.close();
    users?.close();
    rmSync(programs, { recursive: true });
  });

  /** Makes a sandbox, writes these bytes to it, and tells what it said and how it ended. */
  async function given(...bytes: readonly Uint8Array[]) {
    const { promise: exited, resolve } = Promise.withResolvers<ExitStatus>();
    const sizes = {
      workspaceBytes: 1 << 20,
      workspaceFiles: 100,
      tmpBytes: 1 << 20,
      shmBytes: 1 << 20,
      openFiles: 256,
    };
    const id = newId();
    const user = users?.take();
    const spawned = await zygote.spawn(id, { user, group: '1', sizes }, resolve);
    const link = new PipeLink(
      spawned,
      () => expect.unreachable(),
      () => {},
    );
    const claims: unknown[] = [];
    let said = '';
    const stderr = (chunk: Uint8Array) => {
      said += Buffer.from(chunk).toString();
    };
    link.listen({ stdout() {}, stderr, claim: (claim) => claims.push(claim) });
    try {
      await vi.waitFor(() => expect(claims).toEqual([{ claim: 'ready' }]), { timeout: 10_000, interval: 10 });
      // Past the link, which sends whole orders alone.
      for (const part of bytes) writeSync(spawned.command, part);
      const status = await exited;
      await link.ended;
      return { claims, said, status };
    } finally {
      zygote.kill(id);
      link.close();
      if (user !== undefined) users?.release(user);
    }
  }

  const frame = (json: string, length = Buffer.byteLength(json)) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    return Buffer.concat([head, Buffer.from(json)]);
  };

  it.each<readonly [string, string, string]>([
    ['an order that is not known', '{"op":"mount"}', 'an order that is not known'],
    ['an order of a supervisor', '{"op":"serve","bulk":false}', 'an order that is not known'],
    ['a module of Python', '{"op":"park","module":"os"}', 'a fork that becomes Python'],
    ['what is no JSON', '{"op":"warm"', 'an order that is not known'],
    ['JSON of great depth', `{"op":"warm","x":${'['.repeat(40)}${']'.repeat(40)}}`, 'an order that is not known'],
    ['a run without a token', '{"op":"run","kind":"program","argv":["true"],"env":{}}', 'the token of a run'],
    ['a run without words', '{"op":"run","kind":"program","token":"a","argv":[],"env":{}}', 'the words of a command'],
    ['words that are none', '{"op":"run","kind":"program","token":"a","argv":[1],"env":{}}', 'a word of a command'],
    [
      'a zero in a word',
      '{"op":"run","kind":"program","token":"a","argv":["a\\u0000b"],"env":{}}',
      'a word of a command',
    ],
    ['a parked process that is not there', '{"op":"run","kind":"parked","token":"a"}', 'a kind of program'],
    ['a program that is not there', '{"op":"run","kind":"program","token":"a","argv":["no-such"],"env":{}}', 'no-such'],
    ['a negative size', '{"op":"write","path":"a","size":-1,"mode":420}', 'an order to write a file'],
    ['a kept program of no size', '{"op":"place","path":"a","name":"ab-12","mode":493}', 'an order to write a file'],
    ...[undefined, 1, '', '.', '..', '../ab-12', '/etc/passwd', 'de/ab', 'ab-12\u0000', 'g', 'a'.repeat(300)].map(
      (name) =>
        [
          `a kept program by the name ${JSON.stringify(name)}`,
          JSON.stringify({ op: 'place', path: 'a', name, size: 4, mode: 493 }),
          'a program that is kept',
        ] as const,
    ),
  ])('ends at %s, with the name of the step and no word more', { timeout: 60_000 }, async (_, json, step) => {
    const { claims, said, status } = await given(frame(json));
    expect(status).toEqual({ code: 97, signal: null });
    expect(said).toMatch(new RegExp(`^${step}: [^\n]*\n$`));
    expect(claims).toEqual([{ claim: 'ready' }]);
  });

  it('says why a kept program cannot be copied, and reads on', {
    ...attacking('compile'),
    timeout: 60_000,
  }, async () => {
    const place = (name: string, size = 4, path = `/tmp/${name}`) =>
      frame(JSON.stringify({ op: 'place', path, name, size, mode: 493 }));
    const { claims } = await given(
      ...[
        place('ab-12'),
        place('ab-12', 3),
        place('ab-12', 0),
        place('ab-12', 5),
        place('ab-13'),
        place('ab-14'),
        place('cd'),
      ],
      ...[
        place('de'),
        place('ab-12', 4, '/proc/none'),
        place('ab-12', 4, `/tmp/${'x'.repeat(5000)}`),
        frame('{"op":"end"}'),
      ],
    );
    expect(claims).toEqual([
      { claim: 'ready' },
      { claim: 'fault', message: '/tmp/ab-12: Input/output error' },
      { claim: 'fault', message: '/tmp/ab-13: Permission denied' },
      { claim: 'fault', message: '/tmp/ab-14: No such file or directory' },
      { claim: 'fault', message: '/tmp/cd: Too many levels of symbolic links' },
      { claim: 'fault', message: expect.stringMatching(/^\/tmp\/de: (Is a directory|Invalid argument)$/) },
      { claim: 'fault', message: '/proc/none: No such file or directory' },
      { claim: 'fault', message: 'a file: File name too long' },
    ]);
  });

  it('ends at an order beyond all bounds before it reads it', { timeout: 60_000 }, async () => {
    const { said, status } = await given(frame('', 0xffffffff));
    expect(status).toEqual({ code: 97, signal: null });
    expect(said).toMatch(/^an order beyond all bounds/);
  });

  it('says of a path that is too long, or leads nowhere, that the file does not fit, and reads on', {
    timeout: 60_000,
  }, async () => {
    const write = (path: string) =>
      Buffer.concat([frame(JSON.stringify({ op: 'write', path, size: 3, mode: 420 })), Buffer.from('abc')]);
    const long = 'x'.repeat(5000);
    const { claims } = await given(write(long), write('/proc/none'), write('a"\u00e9'), frame('{"op":"end"}'));
    expect(claims).toEqual([
      { claim: 'ready' },
      { claim: 'fault', message: 'a file: File name too long' },
      { claim: 'fault', message: '/proc/none: No such file or directory' },
    ]);
  });
});
