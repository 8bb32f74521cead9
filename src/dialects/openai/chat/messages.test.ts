import { describe, expect, test } from 'vitest';
import { type ConversationOptions, toConversation } from './messages.ts';
import type { ChatMessage, ChatPart } from './wire.ts';

type FindSteps = ConversationOptions['findSteps'];

const none = async () => undefined;
const read = (messages: readonly ChatMessage[], findSteps: FindSteps = none) =>
  toConversation(messages, { findSteps, takesFiles: true });
const text = (value: string) => [{ type: 'text', text: value }];

describe('a history', () => {
  test('is read in the roles a model knows', async () => {
    const { messages } = await read([
      { role: 'developer', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
      { role: 'assistant', content: null, refusal: 'Never.' },
    ]);
    expect(messages).toEqual([
      { role: 'system', content: text('Be brief.') },
      { role: 'user', content: text('Hi') },
      { role: 'assistant', content: text('No.') },
      { role: 'assistant', content: text('Never.') },
    ]);
  });

  test('has calls of functions and their results', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } } as const;
    const { messages, earlier } = await read([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Let me see.', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: '7' },
    ]);
    expect(messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: [...text('Let me see.'), { type: 'function_call', callId: 'call_1', name: 'f', arguments: '{}' }],
      },
      { role: 'tool', callId: 'call_1', content: text('7') },
    ]);
    expect(earlier).toBeUndefined();
  });

  const steps: NonNullable<Awaited<ReturnType<FindSteps>>> = {
    parts: [
      { type: 'code_call', callId: 'c', code: '1', modelView: '1' },
      { type: 'function_call', callId: 'call_1', name: 'f', arguments: '{}' },
    ],
    sessionId: 's',
  };
  const calling: ChatMessage = {
    role: 'assistant',
    content: null,
    tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }],
  };
  const find = async (id: string) => (id === 'call_1' ? steps : undefined);

  test('gets back the code that ran before a call, and where', async () => {
    const answered: ChatMessage = { role: 'tool', tool_call_id: 'call_1', content: '7' };
    const { messages, earlier } = await read([{ role: 'user', content: 'Hi' }, calling, answered], find);
    expect(messages[1]).toEqual({ role: 'assistant', content: steps.parts });
    expect(earlier).toBe('s');
  });

  test('does not go on in the session of an answer that is complete', async () => {
    const answered: ChatMessage = { role: 'tool', tool_call_id: 'call_1', content: '7' };
    const next: ChatMessage[] = [
      { role: 'assistant', content: 'It is 7.' },
      { role: 'user', content: 'And now?' },
    ];
    expect((await read([calling, answered, ...next], find)).earlier).toBeUndefined();
  });
});

describe('files', () => {
  const png = 'iVBORw0KGgo=';
  const user = (...content: ChatPart[]): ChatMessage => ({ role: 'user', content });

  test('are for code, and images for the model as well', async () => {
    const { messages, files } = await read([
      user(
        { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } },
        { type: 'image_url', image_url: { url: 'https://example.com/cat.png' } },
        { type: 'file', file: { file_id: 'file-1' } },
        { type: 'file', file: { filename: 'a.csv', file_data: 'data:text/csv;charset=utf-8;base64,YSxi' } },
        { type: 'file', file: { file_data: 'YSxi' } },
      ),
    ]);
    expect(messages[0]!.content).toEqual([
      { type: 'image', mime: 'image/png', data: png },
      { type: 'image_url', url: 'https://example.com/cat.png' },
    ]);
    expect(files).toMatchObject([
      { name: 'image_1.png', contentType: 'image/png', source: { bytes: Buffer.from(png, 'base64') } },
      { id: 'file-1', where: 'messages[0].content[2].file.file_id' },
      { name: 'a.csv', contentType: 'text/csv', source: { bytes: Buffer.from('a,b') } },
      { name: 'file', contentType: 'application/octet-stream', source: { bytes: Buffer.from('a,b') } },
    ]);
  });

  test.each([
    [{ type: 'image_url', image_url: { url: 'data:image/png,%89PNG' } }, 'image_url.url'],
    [{ type: 'image_url', image_url: { url: 'data:image/png;base64,§§' } }, 'image_url.url'],
    [{ type: 'file', file: {} }, 'file.file_id'],
    [{ type: 'file', file: { file_data: 'not base64!' } }, 'file.file_data'],
  ] as const)('%j cannot be read', async (part, param) => {
    await expect(read([user(part)])).rejects.toMatchObject({
      code: 'invalid_request',
      param: `messages[0].content[0].${param}`,
    });
  });

  test('need code that reads them', async () => {
    const options = { findSteps: none, takesFiles: false };
    const message = user({ type: 'file', file: { file_id: 'file-1' } });
    await expect(toConversation([message], options)).rejects.toMatchObject({ param: 'messages[0].content[0]' });
  });
});
