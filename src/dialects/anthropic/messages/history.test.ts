import { describe, expect, it } from 'vitest';
import type { ContentFiles } from './content.ts';
import { toConversation } from './history.ts';
import type { InMessage } from './wire.ts';

const files: ContentFiles = {
  uploaded: (id) => `[upload ${id}]`,
  shown: async (id, as) => ({ type: 'text', text: `[${as} ${id}]` }),
  document: () => undefined,
};
const read = (messages: unknown[], callable: readonly string[] = []) =>
  toConversation(messages as InMessage[], { files, callable: new Set(callable) });
const assistant = (...content: object[]) => ({ role: 'assistant', content });
const user = (...content: object[]) => ({ role: 'user', content });
const go = { role: 'user', content: 'Go' };
const code = (id: string) => ({ type: 'server_tool_use', id, name: 'code_execution', input: { code: `run ${id}` } });
const result = (id: string, stdout: string) => ({
  type: 'code_execution_tool_result',
  tool_use_id: id,
  content: { type: 'code_execution_result', stdout, stderr: '', return_code: 0, content: [] },
});
const call = (id: string, more: object = {}) => ({ type: 'tool_use', id, name: 'points', input: {}, ...more });
const ofCode = (id: string) => call(id, { caller: { type: 'code_execution_20260120', tool_id: 'c' } });
const answer = (id: string, content = '1') => ({ type: 'tool_result', tool_use_id: id, content });

describe('a history', () => {
  it('joins messages of one role, and keeps system messages in their place', async () => {
    const { messages } = await read([
      go,
      user({ type: 'text', text: 'now' }),
      { role: 'system', content: 'Be brief.' },
    ]);
    expect(messages).toMatchObject([
      { role: 'user', content: [{ text: 'Go' }, { text: 'now' }] },
      { role: 'system', content: [{ text: 'Be brief.' }] },
    ]);
  });

  it('puts results to calls, in parallel and in a later message', async () => {
    const { messages, open } = await read(
      [
        go,
        assistant(code('a'), code('b'), result('a', '1'), result('b', '2')),
        go,
        assistant(code('c'), call('t')),
        user(answer('t')),
        assistant(result('c', '3'), { type: 'text', text: 'Done.' }),
        go,
      ],
      ['points'],
    );
    expect(open).toBeUndefined();
    const calls = messages.flatMap(({ content }) => content.filter((part) => part.type === 'code_call'));
    expect(calls).toMatchObject([
      { callId: 'a', modelView: '1' },
      { callId: 'b', modelView: '2' },
      { callId: 'c', modelView: '3' },
    ]);
    expect(JSON.stringify(messages)).not.toContain('"t"');
  });

  it.each([{}, { caller: { type: 'code_execution_20260120', tool_id: 'c' } }, { caller: null }])(
    'ends in code that waits for answers, whether or not its calls name it: %j',
    async (more) => {
      const asked = await read(
        [
          go,
          assistant({ type: 'text', text: 'Hm.' }, code('c'), call('t', more), call('u', more)),
          user(answer('t'), answer('u', '2')),
        ],
        ['points'],
      );
      expect(asked.open?.toolUseId).toBe('c');
      expect([...asked.open!.results!]).toEqual([
        ['t', { text: '1', isError: false }],
        ['u', { text: '2', isError: false }],
      ]);
      expect(asked.messages.at(-1)).toMatchObject({ role: 'assistant', content: [{ text: 'Hm.' }] });
    },
  );

  it('ends in code that was given up', async () => {
    const { open, messages } = await read([go, assistant(code('c'), call('t')), go], ['points']);
    expect(open).toMatchObject({ toolUseId: 'c', results: undefined });
    expect(messages[1]).toMatchObject({ content: [{ type: 'code_call', modelView: '[It did not end.]' }] });
  });

  it.each([
    [[go, assistant(call('t'))], "messages.1: The call 't' has no tool_result"],
    [[go, assistant(call('t')), go], "messages.2: The call 't' has no tool_result"],
    [[go, user(answer('t'))], 'The tool_use_id'],
    [[go, assistant(call('t', { caller: { type: 'code_execution_20260120' } })), user(answer('t'))], 'source tool'],
    [
      [go, assistant(code('c'), ofCode('t')), user(answer('t'), { type: 'text', text: 'And?' })],
      'messages.2.content.1: A message that answers calls of code holds tool_result blocks alone.',
    ],
    [
      [go, assistant(code('c'), ofCode('t')), user({ type: 'text', text: 'And?' }, answer('t'))],
      'messages.2.content.0: A message that answers calls of code',
    ],
    [
      [go, assistant(code('c'), ofCode('t')), user(answer('t')), user({ type: 'text', text: 'And?' })],
      'messages.3.content.0: A message that answers calls of code',
    ],
    [[go, assistant(code('c'), ofCode('t'), ofCode('u')), user(answer('t'))], "The call 'u' has no tool_result"],
    [[go, user({ type: 'image', source: { type: 'ftp' } })], 'messages.1.content.0.source.type'],
    [[go, user({ type: 'text' })], 'messages.1.content.0.text: Field required'],
  ])('is refused where it is broken: %#', async (messages, words) => {
    await expect(read(messages)).rejects.toThrow(words);
  });

  it('takes what other servers and clients make of it', async () => {
    const { messages } = await read([
      go,
      assistant(
        { type: 'redacted_thinking', data: 'x' },
        { type: 'mcp_tool_use', id: 'm', name: 'x', server_name: 'y', input: {} },
        { type: 'mcp_tool_result', tool_use_id: 'm', content: [] },
        code('a'),
        {
          type: 'code_execution_tool_result',
          tool_use_id: 'a',
          content: { type: 'code_execution_tool_result_error', error_code: 'unknown' },
        },
        result('nowhere', 'x'),
      ),
      user({ type: 'tool_reference', tool_name: 'x' }, { type: 'container_upload', file_id: 'file_1' }),
    ]);
    expect(messages.slice(1)).toMatchObject([
      { content: [{ type: 'code_call', callId: 'a', modelView: '[It failed.]' }] },
      { content: [{ text: '[upload file_1]' }] },
    ]);
  });
});
