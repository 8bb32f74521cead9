import { expect, test, vi } from 'vitest';
import { CellOutput } from './cell-output.ts';
import type { Fields } from './wire.ts';

function output() {
  const told: [string, Fields][] = [];
  return { told, cell: new CellOutput((type, content) => void told.push([type, content]), 3) };
}

test('what is printed comes at once, then joined, and before what is shown after it', () => {
  vi.useFakeTimers();
  try {
    const { told, cell } = output();
    for (const text of ['a', 'b', 'c']) cell.print('stdout', text);
    expect(told).toEqual([['stream', { name: 'stdout', text: 'a' }]]);
    vi.advanceTimersByTime(60);
    expect(told[1]).toEqual(['stream', { name: 'stdout', text: 'bc' }]);
    cell.print('stdout', 'd');
    cell.print('stdout', 'e');
    cell.print('stderr', 'f');
    cell.take({ type: 'result', bundle: { 'text/plain': '1' } });
    expect(told.slice(2)).toEqual([
      ['stream', { name: 'stdout', text: 'd' }],
      ['stream', { name: 'stdout', text: 'e' }],
      ['stream', { name: 'stderr', text: 'f' }],
      ['execute_result', { data: { 'text/plain': '1' }, metadata: {}, execution_count: 3 }],
    ]);
  } finally {
    vi.useRealTimers();
  }
});

test('a long text comes in pieces, none of which ends within a character', () => {
  const { told, cell } = output();
  const text = `x${'😀'.repeat(100_000)}`;
  cell.print('stdout', text);
  cell.end();
  const pieces = told.map(([, content]) => String(content.text));
  expect(pieces.join('')).toBe(text);
  expect(pieces.length).toBeGreaterThan(3);
  for (const piece of pieces) expect([piece.isWellFormed(), piece.length <= 65_536]).toEqual([true, true]);
});

test('bytes become text where a character ends', () => {
  const { told, cell } = output();
  const bytes = Buffer.from('é');
  cell.take({ type: 'stdout', data: bytes.subarray(0, 1) });
  cell.take({ type: 'stdout', data: bytes.subarray(1) });
  cell.take({ type: 'stdout', data: Buffer.from([0xc3]) });
  cell.end();
  expect(told.map(([, content]) => content.text).join('')).toBe('é\ufffd');
});
