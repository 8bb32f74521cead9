import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RichOutputs } from './rich-outputs.ts';

const error = { name: 'E', value: 'v', traceback: ['line'] };

describe('what a kernel shows', () => {
  it('is kept in known forms', () => {
    const rich = new RichOutputs();
    const bundle = {
      'text/plain': '1',
      'text/html': '<b>1</b>',
      'image/png': 'iVBORw0KGgo=\n',
      'image/svg+xml': '<svg/>',
      'application/json': { a: [1, null] },
      'application/vnd.plotly.v1+json': { data: [] },
    };
    expect(rich.push({ event: 'display', bundle })).toEqual({ type: 'display', bundle });
    expect(rich.push({ event: 'error', error })).toEqual({ type: 'error', error });
    expect(rich).toMatchObject({ outputs: [{ kind: 'display', bundle }], error, truncated: false });
  });

  it.each([
    { 'text/plain': 1 },
    { 'image/png': '<script>' },
    { 'application/pdf': ['%PDF'] },
    { 'text/html\r\nx-evil': 'x' },
    { 'application/x-sh': 'rm' },
    { [`text/${'a'.repeat(200)}`]: '' },
    {},
    [],
    null,
    'text',
  ])('is dropped when it is %j', (bundle) => {
    const rich = new RichOutputs();
    expect(rich.push({ event: 'result', bundle })).toBeUndefined();
    expect(rich.outputs).toEqual([]);
  });

  it('is bounded in number and size, and says so', () => {
    const rich = new RichOutputs();
    for (let count = 0; count < 300; count++) rich.push({ event: 'display', bundle: { 'text/plain': 'x' } });
    expect(rich).toMatchObject({ truncated: true });
    expect(rich.outputs).toHaveLength(200);
    const large = new RichOutputs();
    for (let count = 0; count < 5; count++)
      large.push({ event: 'display', bundle: { 'text/plain': 'x'.repeat(10 * 1024 * 1024) } });
    expect(large.outputs).toHaveLength(3);
    large.push({
      event: 'error',
      error: { ...error, traceback: Array.from({ length: 1000 }, () => 'y'.repeat(1000)) },
    });
    expect(large.error!.traceback.join('').length).toBeLessThanOrEqual(65_536);
  });

  it('is replaced by name, and taken back at once or with the next', () => {
    const rich = new RichOutputs();
    const texts = () => rich.outputs.map(({ kind, bundle }) => `${kind} ${bundle['text/plain']}`);
    const show = (text: string, more: object = {}) =>
      rich.push({ event: 'display', bundle: { 'text/plain': text }, ...more });
    show('a', { name: 'n' });
    show('b');
    expect(show('c', { name: 'n', update: true })).toMatchObject({ type: 'display', bundle: { 'text/plain': 'c' } });
    show('d', { name: 'other', update: true });
    expect(texts()).toEqual(['display c', 'display b', 'display d']);
    rich.push({ event: 'clear', wait: true });
    expect(texts()).toHaveLength(3);
    show('e');
    expect(texts()).toEqual(['display e']);
    expect(rich.push({ event: 'clear', wait: false })).toEqual({ type: 'clear', waits: false });
    expect(texts()).toEqual([]);
    // What is gone or replaced takes no room.
    for (let count = 0; count < 20; count++) {
      show('x'.repeat(10 * 1024 * 1024), { name: 'large', update: true });
      rich.push({ event: 'clear', wait: count % 2 === 0 });
    }
    expect(rich.truncated).toBe(false);
  });

  it('never throws, whatever is said', () => {
    const value = fc.anything({ maxDepth: 3 });
    fc.assert(
      fc.property(
        fc.record({
          event: fc.constantFrom('display', 'result', 'error', 'clear', 'x'),
          bundle: value,
          error: value,
          name: value,
          update: value,
          wait: value,
        }),
        (event) => {
          const rich = new RichOutputs();
          rich.push({ event: 'display', bundle: { 'text/plain': 'x' }, name: 'n' });
          rich.push(event);
          for (const { bundle } of rich.outputs) expect(Object.keys(bundle).length).toBeGreaterThan(0);
        },
      ),
    );
  });
});
