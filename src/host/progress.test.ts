import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProgress } from './progress.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function written(isTTY: boolean) {
  const texts: string[] = [];
  const stream = { isTTY, columns: 30, write: (text: string) => texts.push(text) };
  return { texts, progress: createProgress({ stream, now: () => Date.now() }) };
}

describe('progress on no terminal', () => {
  it('writes whole lines: at the start of a phase and every two seconds', () => {
    const { texts, progress } = written(false);
    progress.note('begin');
    progress.phase('Installing');
    progress.detail('3 of 7');
    vi.advanceTimersByTime(4500);
    progress.end();
    vi.advanceTimersByTime(10_000);
    expect(texts).toEqual(['begin\n', 'Installing\n', 'Installing: 3 of 7 (2 s)\n', 'Installing: 3 of 7 (4 s)\n']);
  });
});

describe('progress on a terminal', () => {
  it('writes over one line, cut to the width, and leaves it when the phase ends', () => {
    const { texts, progress } = written(true);
    progress.phase('A phase with a name much longer than the terminal');
    expect(texts.at(-1)).toBe('\r\x1b[2KA phase with a name much long');
    progress.phase('Next');
    expect(texts.at(-2)).toBe('\r\x1b[2KA phase with a name much longer than the terminal\n');
    vi.advanceTimersByTime(1000);
    expect(texts.at(-1)).toBe('\r\x1b[2KNext (1 s)');
    progress.end();
    expect(vi.getTimerCount()).toBe(0);
  });
});
