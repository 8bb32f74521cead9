import { expect, it } from 'vitest';
import { cellResult, said } from '../../../test/support/cell-result.ts';
import { codeOutputs } from './code-outputs.ts';

it('has nothing to say of code that said nothing', () => {
  expect(codeOutputs(cellResult(), []).outputs).toEqual([]);
});

it('puts what was printed and the last value into one entry', () => {
  const result = cellResult({
    stdout: said('hello\n'),
    outputs: [{ kind: 'result', bundle: { 'text/plain': '(10000, 70024)', 'text/html': '<b>' } }],
  });
  expect(codeOutputs(result, []).outputs).toEqual([{ type: 'logs', text: 'hello\n(10000, 70024)' }]);
});

it('keeps the order of the two streams', () => {
  const result = cellResult({ stdout: said('ac'), stderr: said('b') });
  const pieces = [
    { type: 'stdout' as const, data: Buffer.from('a') },
    { type: 'stderr' as const, data: Buffer.from('b') },
    { type: 'stdout' as const, data: Buffer.from('c') },
  ];
  expect(codeOutputs(result, pieces).outputs).toEqual([{ type: 'logs', text: 'abc' }]);
});

it('has images, without the words a notebook has for them', () => {
  const result = cellResult({
    outputs: [{ kind: 'display', bundle: { 'image/png': 'aGk=', 'text/plain': '<Figure size 640x480>' } }],
  });
  const { outputs, images } = codeOutputs(result, []);
  expect(outputs).toEqual([{ type: 'image', mime: 'image/png', data: 'aGk=' }]);
  expect(images).toEqual([{ mime: 'image/png', bytes: Buffer.from('hi') }]);
});

it('tells of an exception and of a limit', () => {
  const error = { name: 'NameError', value: 'x', traceback: ['Traceback', 'NameError: x'] };
  expect(codeOutputs(cellResult({ stdout: said('a'), error }), []).outputs).toEqual([
    { type: 'logs', text: 'a\nTraceback\nNameError: x' },
  ]);
  expect(codeOutputs(cellResult({ outcome: 'timed_out' }), []).outputs).toMatchObject([
    { text: expect.stringContaining('time limit') },
  ]);
});

it('tells of a program that ended itself, where nothing else does', () => {
  const error = { name: 'NameError', value: 'x', traceback: ['NameError: x'] };
  const logs = (exitCode: number, more = {}) => codeOutputs(cellResult({ exitCode, ...more }), []).outputs;
  expect(logs(3)).toEqual([{ type: 'logs', text: 'The program ended with exit code 3.' }]);
  expect(logs(1, { error })).toEqual([{ type: 'logs', text: 'NameError: x' }]);
  expect(logs(137, { outcome: 'out_of_memory' })).toMatchObject([{ text: expect.not.stringContaining('137') }]);
});

it('names the signal that ended the code', () => {
  const result = cellResult({ outcome: 'killed', exitCode: null, signal: 'SIGSEGV', stdout: said('before\n') });
  expect(codeOutputs(result, []).outputs).toEqual([
    { type: 'logs', text: 'before\nThe execution was ended by SIGSEGV.' },
  ]);
});

it('cuts nothing off', () => {
  const text = 'x'.repeat(100_000);
  expect(codeOutputs(cellResult({ stdout: said(text) }), []).outputs).toEqual([{ type: 'logs', text: text }]);
});
