import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OutputPipe } from './output-pipe.ts';

let directory: string;
let pipe: OutputPipe;
let writer: number;
let chunks: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dragoman-pipe-'));
  const path = join(directory, 'pipe');
  execFileSync('mkfifo', [path]);
  chunks = [];
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  writer = openSync(path, constants.O_WRONLY);
  pipe = new OutputPipe(reader, (chunk) => chunks.push(Buffer.from(chunk).toString()));
  pipe.watch();
});
afterEach(() => {
  pipe.close();
  rmSync(directory, { recursive: true });
});

/** Another pipe, of which nothing is read yet. */
function unwatched() {
  const path = join(directory, 'other');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const fd = openSync(path, constants.O_WRONLY);
  return {
    pipe: new OutputPipe(reader, (chunk) => chunks.push(Buffer.from(chunk).toString())),
    write: (text: string) => writeSync(fd, text),
    end: () => closeSync(fd),
  };
}

const letters = (count: number) => Array.from({ length: count }, (_, index) => 'abcdefghij'[index % 10]!);

/** Lets the reader hear of every byte by itself. */
async function writeSlowly(text: string[]): Promise<void> {
  for (const letter of text) {
    writeSync(writer, letter);
    await new Promise(setImmediate);
  }
}

describe('OutputPipe', () => {
  it('delivers what is written, and then its end', async () => {
    writeSync(writer, 'one');
    await sleep(200);
    writeSync(writer, 'two');
    closeSync(writer);
    await pipe.ended;
    expect(chunks).toEqual(['one', 'two']);
  });

  it('gathers single bytes after a while, and loses none', async () => {
    const text = letters(3000);
    await writeSlowly(text);
    closeSync(writer);
    await pipe.ended;
    expect(chunks.join('')).toBe(text.join(''));
    expect(chunks.length).toBeLessThan(2000);
  });

  it('drains what gathers, in order', async () => {
    const text = letters(1100);
    await writeSlowly(text);
    writeSync(writer, 'last');
    pipe.drain();
    expect(chunks.join('')).toBe(`${text.join('')}last`);
    closeSync(writer);
    await pipe.ended;
  });

  it('reads only when it is told to, while it is not watched', async () => {
    const other = unwatched();
    other.write('one');
    await sleep(50);
    expect(chunks).toEqual([]);
    other.pipe.drain();
    expect(chunks).toEqual(['one']);
    other.write('two');
    other.end();
    other.pipe.finish();
    await other.pipe.ended;
    expect(chunks).toEqual(['one', 'two']);
    closeSync(writer);
  });

  it('waits for the last writer when it is to finish', async () => {
    const other = unwatched();
    other.pipe.finish();
    other.write('late');
    await vi.waitUntil(() => chunks.length > 0);
    other.end();
    await other.pipe.ended;
    expect(chunks).toEqual(['late']);
    closeSync(writer);
  });

  it('reads nothing once it is closed', () => {
    pipe.close();
    closeSync(writer);
    pipe.drain();
    expect(chunks).toEqual([]);
  });
});
