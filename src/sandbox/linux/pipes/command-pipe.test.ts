import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CommandPipe } from './command-pipe.ts';

let directory: string;
let reader: number;
let pipe: CommandPipe;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dragoman-pipe-'));
  const path = join(directory, 'pipe');
  execFileSync('mkfifo', [path]);
  reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  pipe = new CommandPipe(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
});
afterEach(() => {
  pipe.close();
  closeSync(reader);
  rmSync(directory, { recursive: true });
});

/** What has arrived; empty: nothing. */
function arrived(): string {
  const buffer = Buffer.alloc(1000);
  try {
    return buffer.toString('utf8', 0, readSync(reader, buffer));
  } catch {
    return '';
  }
}

const write = (text: string) => void pipe.write([Buffer.from(text)]);

it('sends what is written in one turn when that is over, or when it is told to', async () => {
  write('one ');
  write('two');
  expect(arrived()).toBe('');
  await new Promise(setImmediate);
  expect(arrived()).toBe('one two');
  write('three ');
  write('four');
  pipe.flush();
  expect(arrived()).toBe('three four');
});

it('keeps everything while it is held, whatever it is told', async () => {
  pipe.hold();
  write('kept');
  pipe.flush();
  await new Promise(setImmediate);
  expect(arrived()).toBe('');
  pipe.release();
  expect(arrived()).toBe('kept');
});
