import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { usualAllowance } from './allowance.ts';
import { ClaimDecoder } from './decoder.ts';

function frame(value: unknown): Buffer {
  const body = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

describe('ClaimDecoder', () => {
  it('reads claims however they are split', () => {
    const claims = [
      { claim: 'ready' },
      { claim: 'started', token: 't' },
      { claim: 'done', token: 't', code: 0, signal: null, interpreter: 'kept' },
      { claim: 'done', token: 't', code: 0, signal: null, interpreter: 'none', left: [0, 3] },
      { claim: 'event', token: 't', event: { event: 'result', bundle: { 'text/plain': '数' } } },
      { claim: 'call', token: 't', id: 1, name: 'a "tool"', input: '{"a":1}' },
      { claim: 'waiting', token: 't', pending: [1, 2] },
      { claim: 'fault', message: 'ö' },
    ];
    const bytes = Buffer.concat(claims.map(frame));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: bytes.length }), (sizes) => {
        const decoder = new ClaimDecoder();
        const read = [];
        for (let at = 0, i = 0; at < bytes.length; at += sizes[i++]!)
          read.push(...decoder.push(bytes.subarray(at, at + sizes[i]!)));
        expect(read).toEqual(claims);
      }),
    );
  });

  it.each([
    ['not JSON', '{'],
    ['not an object', 7],
    ['null', null],
    ['an unknown claim', { claim: 'root' }],
    ['a code that is no exit status', { claim: 'done', token: 't', code: 256, signal: null }],
    ['a code that is text', { claim: 'done', token: 't', code: '0', signal: null }],
    ['a signal that is none', { claim: 'done', token: 't', code: null, signal: 'KILL -9' }],
    ['an end with neither code nor signal', { claim: 'done', token: 't', code: null, signal: null }],
    ['an end with both', { claim: 'done', token: 't', code: 0, signal: 'SIGKILL' }],
    ['an end without a token', { claim: 'done', code: 0, signal: null }],
    ['a start without a token', { claim: 'started' }],
    ['an end of no known interpreter', { claim: 'done', token: 't', code: 0, signal: null, interpreter: 'python' }],
    ['an end with output of one pipe left', { claim: 'done', token: 't', code: 0, signal: null, left: [0] }],
    ['an end with less than nothing left', { claim: 'done', token: 't', code: 0, signal: null, left: [0, -1] }],
    ['an end with text left', { claim: 'done', token: 't', code: 0, signal: null, left: [0, '0'] }],
    ['an event without a token', { claim: 'event', event: {} }],
    ['an event that is no object', { claim: 'event', token: 't', event: [] }],
    ['a call without a number', { claim: 'call', token: 't', name: 'a', input: '{}' }],
    ['a call numbered with a fraction', { claim: 'call', token: 't', id: 1.5, name: 'a', input: '{}' }],
    ['a call whose input is no text', { claim: 'call', token: 't', id: 1, name: 'a', input: {} }],
    ['a call of no run', { claim: 'call', id: 1, name: 'a', input: '{}' }],
    ['waiting for what is no number', { claim: 'waiting', token: 't', pending: ['1'] }],
    ['waiting for nothing at all', { claim: 'waiting', token: 't' }],
    ['a fault without a message', { claim: 'fault' }],
    ['a fault that is too long', { claim: 'fault', message: 'x'.repeat(1001) }],
  ])('refuses %s', (_, value) => {
    expect(() => new ClaimDecoder().push(frame(value))).toThrow();
  });

  it('refuses an over-long frame before it arrives', () => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(usualAllowance.claimBytes + 1);
    expect(() => new ClaimDecoder().push(head)).toThrow(/bytes/);
  });

  it('refuses more claims, or more of them, than it was allowed', () => {
    const many = new ClaimDecoder();
    many.allow({ claims: 2, claimBytes: 100, bytes: 1000, values: 100 });
    many.push(frame({ claim: 'ready' }));
    many.push(frame({ claim: 'ready' }));
    expect(() => many.push(frame({ claim: 'ready' }))).toThrow(/flood/);
    const large = new ClaimDecoder();
    large.allow({ claims: 100, claimBytes: 1000, bytes: 1500, values: 100 });
    const claim = frame({ claim: 'fault', message: 'x'.repeat(900) });
    large.push(claim);
    expect(() => large.push(claim)).toThrow(/flood/);
    large.allow({ claims: 100, claimBytes: 1000, bytes: 1500, values: 100 });
  });

  it('refuses what is short and would take much to hold, without reading it', () => {
    const event = (shown: string) => {
      const body = Buffer.from(`{"claim":"event","token":"t","event":{"event":"display","bundle":${shown}}}`);
      const head = Buffer.alloc(4);
      head.writeUInt32BE(body.length);
      return Buffer.concat([head, body]);
    };
    const decoder = new ClaimDecoder();
    decoder.allow({ claims: 100, claimBytes: 25 << 20, bytes: 64 << 20, values: 1000 });
    expect(decoder.push(event(`{"text/plain":"${'[{,'.repeat(2 << 20)}"}`))).toHaveLength(1);
    expect(decoder.push(event(`[${'[],'.repeat(400)}1]`))).toHaveLength(1);
    expect(() => decoder.push(event(`[${'[],'.repeat(400)}1]`))).toThrow(/flood/);
    const of = (shown: string) => () => {
      decoder.allow({ claims: 100, claimBytes: 25 << 20, bytes: 64 << 20, values: 1e9 });
      decoder.push(event(shown));
    };
    expect(of('['.repeat(2000) + ']'.repeat(2000))).toThrow(/flood/);
    expect(of(`${'{"a":'.repeat(101)}1${'}'.repeat(101)}`)).toThrow(/flood/);
  });

  it('drops unknown fields', () => {
    expect(new ClaimDecoder().push(frame({ claim: 'ready', path: '/etc/shadow' }))).toEqual([{ claim: 'ready' }]);
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (chunks) => {
        const decoder = new ClaimDecoder();
        try {
          for (const chunk of chunks) decoder.push(chunk);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });

  it('hears beside cells what was granted, and ends with more', () => {
    const aside = (value: unknown, mark = 0x40) => {
      const bytes = frame(value);
      bytes[0] = bytes[0]! | mark;
      return bytes;
    };
    const started = { aside: 'started', id: 7, pid: 12 };
    const decoder = new ClaimDecoder();
    decoder.grant(150);
    expect(decoder.push(aside(started))).toEqual([started]);
    expect(() => decoder.push(aside(started))).toThrow('more beside cells than was asked for');
    expect(() => new ClaimDecoder().push(aside(started))).toThrow('more beside cells than was asked for');
    for (const value of [
      { aside: 'root', id: 1 },
      { aside: 'started', id: 0, pid: 1 },
      { aside: 'ended', id: 1 },
      7,
      '{',
    ]) {
      const other = new ClaimDecoder();
      other.grant(10_000);
      expect(() => other.push(aside(value))).toThrow();
    }
    const data = new ClaimDecoder();
    data.grant(10_000);
    expect(data.push(aside('\0\0\0\u0001\u0000abc', 0x80))).toEqual([
      { aside: 'data', id: 1, stream: 0, data: Buffer.from('abc') },
    ]);
    expect(() => data.push(aside('abc', 0x80))).toThrow('bytes that belong to nothing');
  });
});
