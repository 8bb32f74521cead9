import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeFrame, orders } from '../../../guest-protocol/index.ts';
import { PipeLink } from './link.ts';

const names = ['command', 'claims', 'stdout', 'stderr'] as const;

let directory: string;
/** The sandbox's ends. */
let inside: Record<(typeof names)[number], number>;
let link: PipeLink;
let heard: string[];
let done: PromiseWithResolvers<void>;
beforeEach(() => {
  // The looks at output of programs that run on.
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  directory = mkdtempSync(join(tmpdir(), 'dragoman-pipes-'));
  execFileSync(
    'mkfifo',
    names.map((name) => join(directory, name)),
  );
  const open = (name: (typeof names)[number], mode: number) => openSync(join(directory, name), mode);
  const read = constants.O_RDONLY | constants.O_NONBLOCK;
  const command = open('command', read);
  const [claims, stdout, stderr] = [open('claims', read), open('stdout', read), open('stderr', read)];
  const write = constants.O_WRONLY | constants.O_NONBLOCK;
  inside = { command, claims: open('claims', write), stdout: open('stdout', write), stderr: open('stderr', write) };
  link = new PipeLink(
    { command: open('command', write), claims, stdout, stderr },
    () => expect.unreachable(),
    () => heard.push('violation'),
  );
  heard = [];
  done = Promise.withResolvers();
  link.listen({
    stdout: (chunk) => heard.push(`stdout ${Buffer.from(chunk)}`),
    stderr: (chunk) => heard.push(`stderr ${Buffer.from(chunk)}`),
    claim: ({ claim }) => {
      heard.push(claim);
      done.resolve();
    },
  });
});
afterEach(() => {
  vi.useRealTimers();
  link.close();
  for (const fd of Object.values(inside)) closeSync(fd);
  rmSync(directory, { recursive: true });
});

const program = { kind: 'program', argv: ['a'], env: {} } as const;

/** A program says this and ends, and its first process says so. */
async function endsAfter(written: Partial<Record<'stdout' | 'stderr', string>>, left?: readonly number[]) {
  void link.send(orders.run('t', program));
  for (const [name, text] of Object.entries(written)) writeSync(inside[name as 'stdout' | 'stderr'], text);
  const claim = { claim: 'done', token: 't', code: 0, signal: null, left };
  writeSync(inside.claims, encodeFrame(claim as never));
  await done.promise;
}

describe('the output of a program that ends', () => {
  it.each([
    ['where nothing is said of what is left', undefined],
    ['where it is said what is left', [4, 4]],
    ['where more is said to be left', [4, 1_000_000]],
  ])('is heard before its end, %s', async (_, left) => {
    await endsAfter({ stdout: 'some', stderr: 'more' }, left);
    expect(heard).toEqual(['stdout some', 'stderr more', 'done']);
  });

  it('is heard of one pipe where nothing is left in the other', async () => {
    await endsAfter({ stdout: 'some' }, [4, 0]);
    expect(heard).toEqual(['stdout some', 'done']);
  });

  it('is late where its guest lies, and harms nothing else', async () => {
    await endsAfter({ stdout: 'some', stderr: 'more' }, [0, 0]);
    expect(heard).toEqual(['done']);
    await link.flush();
    expect(heard).toEqual(['done', 'stdout some', 'stderr more']);
  });
});

it('what a program of the image says before it is given a source is not heard', async () => {
  void link.send(orders.park(['node']));
  writeSync(inside.stderr, 'a warning');
  await endsAfter({ stderr: 'more' });
  expect(heard).toEqual(['stderr more', 'done']);
});

it('a link that is closed has ended, and hears no more', async () => {
  void link.send(orders.run('t', program));
  writeSync(inside.stdout, 'some');
  link.close();
  await link.ended;
  await link.flush();
  expect(heard).toEqual([]);
  expect(() => writeSync(inside.stdout, 'more')).toThrow('EPIPE');
});
