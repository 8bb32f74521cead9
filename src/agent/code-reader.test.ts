import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodeReader } from './code-reader.ts';

/** Reads arguments in pieces; the deltas that came before the end, and the code. */
function read(pieces: readonly string[]): { deltas: string[]; code: string | undefined } {
  const reader = new CodeReader();
  const deltas = pieces.map((piece) => reader.push(piece));
  const rest = reader.end();
  return { deltas, code: rest === undefined ? undefined : deltas.join('') + rest };
}

const chunks = (text: string, size: number): string[] => text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? [];

describe('CodeReader', () => {
  it('gives code while it is written', () => {
    expect(read(['{"co', 'de": "pri', 'nt(\\', 'n1', ')"}']).deltas).toEqual(['', 'pri', 'nt(', '\n1', ')']);
  });

  it('finds the same code wherever the arguments are cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 9 }), (code, size) => {
        fc.pre(code.isWellFormed() && !/^\s*`|^\s*$/.test(code));
        for (const written of [JSON.stringify({ code }), JSON.stringify({ code }, null, 2), escaped({ code })])
          expect(read(chunks(written, size)).code).toBe(code);
      }),
    );
  });

  it('never ends a delta within a pair of surrogates', () => {
    for (const delta of read(chunks('{"code":"a\\ud83d\\ude00b\\ud83dx"}', 1)).deltas)
      expect(delta.isWellFormed()).toBe(true);
    expect(read(chunks('{"code":"a\\ud83d\\ude00b\\ud83dx"}', 1)).code).toBe('a😀b\ufffdx');
  });

  it.each([
    ['code alone', 'print(1)\nx = {1: 2}', 'print(1)\nx = {1: 2}'],
    ['a set as code', '{x for x in range(3)}', '{x for x in range(3)}'],
    ['a number as code', '42', '42'],
    ['line breaks that JSON forbids', '{"code": "a = 1\nb = 2"}', 'a = 1\nb = 2'],
    ['no end', '{"code": "print(1)', 'print(1)'],
    ['an escape without its end', '{"code": "print(1)\\', 'print(1)'],
    ['something after the end', '{"code": "print(1)"}}\n', 'print(1)'],
    ['a fence', '{"code": "```python\\nprint(1)\\n```"}', 'print(1)'],
    ['a fence without a language', '```\nprint(1)\n```\n', 'print(1)'],
    ['a fence without an end', '```py\nprint(1)', 'print(1)'],
    ['ticks within', '{"code": "s = \'```\'\\nt"}', "s = '```'\nt"],
    ['ticks within a fence', '```python\ns = """\n```\n"""\nt\n```', 's = """\n```\n"""\nt'],
    ['another name', '{"source": "print(1)"}', 'print(1)'],
    ['an unknown name, alone', '{"cell": "print(1)"}', 'print(1)'],
    ['another field before', '{"language": "python", "code": "print(1)"}', 'print(1)'],
    ['lines', '{"code": ["a = 1", "a"]}', 'a = 1\na'],
    ['a JSON string', '"print(1)\\nx"', 'print(1)\nx'],
    ['JSON within JSON', JSON.stringify(JSON.stringify({ code: 'print("é")' })), 'print("é")'],
    ['white space around', ' \n{ "code" : "1" } ', '1'],
  ])('reads %s', (_, written, code) => {
    for (const size of [1, 3, 1000]) expect(read(chunks(written, size)).code).toBe(code);
  });

  it.each(['', '   ', '{}', '{"a": "1", "b": "2"}', '{"code": 7}', '{"co', '{"code', '""', '"x', '{"code": null}'])(
    'finds no code in %j',
    (written) => {
      for (const size of [1, 1000]) expect(read(chunks(written, size)).code).toBeUndefined();
    },
  );
});

function escaped(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
