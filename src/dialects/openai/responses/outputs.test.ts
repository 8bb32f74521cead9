import { expect, it } from 'vitest';
import type { CellResult } from '../../../core/index.ts';
import { codeOutputs } from './outputs.ts';

const said = (text: string) => ({ text, bytes: Buffer.byteLength(text), truncated: false });

const cell = (changes: Partial<CellResult> = {}): CellResult => ({
  outcome: 'completed',
  exitCode: 0,
  signal: null,
  stdout: said(''),
  stderr: said(''),
  usage: { wallMs: 1, cpuMs: 1, peakMemoryBytes: 1 },
  artifactsTruncated: false,
  stage: 'run',
  compileUsage: null,
  outputs: [],
  outputsTruncated: false,
  error: null,
  interpreter: 'kept',
  ...changes,
});

it('has nothing to say of code that said nothing', () => {
  expect(codeOutputs(cell(), []).outputs).toEqual([]);
});

it('puts what was printed and the last value into one entry', () => {
  const result = cell({
    stdout: said('hello\n'),
    outputs: [{ kind: 'result', bundle: { 'text/plain': '(10000, 70024)', 'text/html': '<b>' } }],
  });
  expect(codeOutputs(result, []).outputs).toEqual([{ type: 'logs', logs: 'hello\n(10000, 70024)' }]);
});

it('keeps the order of the two streams', () => {
  const result = cell({ stdout: said('ac'), stderr: said('b') });
  const pieces = [
    { type: 'stdout' as const, data: Buffer.from('a') },
    { type: 'stderr' as const, data: Buffer.from('b') },
    { type: 'stdout' as const, data: Buffer.from('c') },
  ];
  expect(codeOutputs(result, pieces).outputs).toEqual([{ type: 'logs', logs: 'abc' }]);
});

it('has images as data URLs, without the words a notebook has for them', () => {
  const result = cell({
    outputs: [{ kind: 'display', bundle: { 'image/png': 'aGk=', 'text/plain': '<Figure size 640x480>' } }],
  });
  const { outputs, images } = codeOutputs(result, []);
  expect(outputs).toEqual([{ type: 'image', url: 'data:image/png;base64,aGk=' }]);
  expect(images).toEqual([{ mime: 'image/png', bytes: Buffer.from('hi') }]);
});

it('tells of an exception and of a limit', () => {
  const error = { name: 'NameError', value: 'x', traceback: ['Traceback', 'NameError: x'] };
  expect(codeOutputs(cell({ stdout: said('a'), error }), []).outputs).toEqual([
    { type: 'logs', logs: 'a\nTraceback\nNameError: x' },
  ]);
  expect(codeOutputs(cell({ outcome: 'timed_out' }), []).outputs).toMatchObject([
    { logs: expect.stringContaining('time limit') },
  ]);
});

it('tells of a program that ended itself, where nothing else does', () => {
  const error = { name: 'NameError', value: 'x', traceback: ['NameError: x'] };
  const logs = (exitCode: number, more = {}) => codeOutputs(cell({ exitCode, ...more }), []).outputs;
  expect(logs(3)).toEqual([{ type: 'logs', logs: 'The program ended with exit code 3.' }]);
  expect(logs(1, { error })).toEqual([{ type: 'logs', logs: 'NameError: x' }]);
  expect(logs(137, { outcome: 'out_of_memory' })).toMatchObject([{ logs: expect.not.stringContaining('137') }]);
});

it('cuts nothing off', () => {
  const text = 'x'.repeat(100_000);
  expect(codeOutputs(cell({ stdout: said(text) }), []).outputs).toEqual([{ type: 'logs', logs: text }]);
});
