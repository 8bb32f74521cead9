import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { JsonParser } from '../../http/index.ts';
import { Outgoing, readMessage } from './wire.ts';

const parser = new JsonParser();
afterAll(() => parser.close());

const read = (data: Buffer | string, { isText = typeof data === 'string', isV1 = false } = {}) =>
  readMessage(Buffer.from(data), isText, isV1, parser, 'owner');
const header = { msg_id: '1', msg_type: 'execute_request', session: 's', username: 'u', date: '', version: '5.0' };

describe('a message of a client', () => {
  it('is read in the default framing, whatever it leaves out', async () => {
    const content = { code: '1' };
    expect(await read(JSON.stringify({ header, content, channel: 'control', buffers: {}, extra: null }))).toMatchObject(
      {
        channel: 'control',
        type: 'execute_request',
        header,
        content,
      },
    );
    expect(await read(JSON.stringify({ header: { msg_id: '1' }, msg_type: 'comm_info_request' }))).toMatchObject({
      channel: 'shell',
      type: 'comm_info_request',
      content: {},
    });
  });

  it('is read with buffers behind it', async () => {
    const json = Buffer.from(JSON.stringify({ header, content: {} }));
    const head = Buffer.alloc(12);
    for (const [at, number] of [2, 12, 12 + json.length].entries()) head.writeUInt32BE(number, at * 4);
    expect(await read(Buffer.concat([head, json, Buffer.from('bytes')]))).toMatchObject({ type: 'execute_request' });
  });

  it('is what we would send, in the other framing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (values) => {
        const content = JSON.parse(JSON.stringify(values)) as Record<string, unknown>;
        fc.pre(!Object.hasOwn(content, '__proto__') && !Object.hasOwn(content, 'constructor'));
        const message = new Outgoing('shell', 'some_request', content, { session: 's', parent: header });
        const isSafe = !/__proto__|constructor/.test(JSON.stringify(content));
        fc.pre(isSafe);
        const got = await read(message.frame(), { isV1: true });
        expect(got).toMatchObject({ channel: 'shell', type: 'some_request' });
        expect(got!.content).toEqual(content);
        expect(JSON.parse(message.text())).toMatchObject({
          msg_type: 'some_request',
          parent_header: header,
          buffers: [],
        });
      }),
      { numRuns: 50 },
    );
  });

  it('may be any bytes: what is none is passed over', async () => {
    const frame = new Outgoing('shell', 'some_request', { a: 1 }, { session: 's', parent: {} }).frame();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.tuple(fc.nat(frame.length - 1), fc.nat(255)).map(([at, byte]) => {
            const changed = Buffer.from(frame);
            changed[at] = byte;
            return changed;
          }),
        ),
        fc.boolean(),
        fc.boolean(),
        async (bytes, isText, isV1) => {
          await read(Buffer.from(bytes), { isText, isV1 });
        },
      ),
      { numRuns: 500 },
    );
  });

  it('has a header that is small, because it is repeated', async () => {
    const large = { ...header, padding: 'x'.repeat(9000) };
    expect(await read(JSON.stringify({ header: large, content: {} }))).toBeUndefined();
  });
});
