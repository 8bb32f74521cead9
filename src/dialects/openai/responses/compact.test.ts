import { beforeEach, expect, it } from 'vitest';
import { said } from '../../../../test/support/cell-result.ts';
import { packCompaction, readCompaction } from '../../../assistant/compaction.ts';
import { DragomanError } from '../../../core/index.ts';
import { responsesApp } from './fixtures/app.ts';
import { end, runs, says } from './fixtures/scripted-agent.ts';

let face: Awaited<ReturnType<typeof responsesApp>>;
beforeEach(async () => {
  face = await responsesApp();
});

const tools = [{ type: 'code_interpreter', container: { type: 'auto' } }];
const compact = (body: Readonly<Record<string, unknown>>) => face.call('POST', '/responses/compact', body);

/** A conversation of one question, whose answer took code. The response. */
async function asked() {
  face.agent.say(async function* (request) {
    yield* runs(request, 'x = 6 * 7', { result: { stdout: said('42') } });
    yield { type: 'text', delta: 'It is 42.' };
    yield end();
  });
  return face.create({ input: 'What is 6 times 7?', tools });
}

it('is the user’s messages and one item, and the model goes on from them in the same container', async () => {
  const { id, output } = await asked();
  face.agent.say(says('x is ', '42.'));
  const { status, json } = await compact({ previous_response_id: id, input: 'Thanks.', instructions: 'Be brief.' });
  expect(status).toBe(200);
  expect(json).toMatchObject({
    id: expect.stringMatching(/^resp_/),
    object: 'response.compaction',
    created_at: 1_767_323_045,
    output: [
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'What is 6 times 7?' }] },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Thanks.' }] },
      { id: expect.stringMatching(/^cmp_/), type: 'compaction', encrypted_content: expect.any(String) },
    ],
    usage: { input_tokens: 10, total_tokens: 15 },
  });
  const [system, user] = face.agent.requests[1]!.messages;
  expect(JSON.stringify(system)).toContain('Be brief.');
  const [part] = user!.content as unknown as [{ text: string }];
  expect(part.text).toBe(
    [
      '[user]\nWhat is 6 times 7?',
      '[assistant runs Python]\nx = 6 * 7',
      '[output]\nshown: 42',
      '[assistant]\nIt is 42.',
      '[user]\nThanks.',
    ].join('\n\n'),
  );
  face.agent.say(async function* (request) {
    yield* runs(request, 'x');
    yield end();
  });
  const next = await face.create({ input: [...json.output, { role: 'user', content: 'And half?' }], tools });
  const { messages } = face.agent.requests[2]!;
  expect(messages.map(({ role }) => role)).toEqual(['user', 'user', 'user', 'user']);
  expect(JSON.stringify(messages[2])).toContain('x is 42.');
  const containers = [...output, ...next.output].flatMap((item) => ('container_id' in item ? item.container_id : []));
  expect(new Set(containers).size).toBe(1);
});

it('may be of one that was compacted before', async () => {
  const encrypted_content = packCompaction({ summary: 'The first half.', sessionId: 'Qy3kZr0vXc7TgWbN5mLpA' });
  face.agent.say(says('Both halves.'));
  const { json } = await compact({
    input: [
      { type: 'compaction', encrypted_content },
      { role: 'user', content: 'On.' },
    ],
  });
  expect(JSON.stringify(face.agent.requests[0]!.messages)).toContain('The first half.');
  const last = json.output.at(-1).encrypted_content;
  expect(readCompaction(last)).toEqual({ summary: 'Both halves.', sessionId: 'Qy3kZr0vXc7TgWbN5mLpA' });
  expect(json.output.map(({ type }: { type: string }) => type)).toEqual(['message', 'compaction']);
});

it.each(['gAAAAABo', 'dragoman1.', 'dragoman1.!!', `dragoman1.${btoa('{"summary":7}')}`])(
  'of others cannot be read: %s',
  async (encrypted_content) => {
    const input = [{ type: 'compaction', encrypted_content }];
    for (const answer of [await compact({ input }), await face.call('POST', '/responses', { input })])
      expect(answer).toMatchObject({ status: 400, json: { error: { param: 'input[0].encrypted_content' } } });
    expect(face.agent.requests).toEqual([]);
  },
);

it('fails where there is nothing to sum up, and where the model does not', async () => {
  expect(await compact({})).toMatchObject({ status: 400, json: { error: { param: 'input' } } });
  face.agent.say(says(' '), async function* () {
    yield { type: 'text', delta: 'half' };
    yield {
      ...end(),
      end: { reason: 'failed', error: new DragomanError('upstream_failed', { message: 'gone' }) },
    } as never;
  });
  expect(await compact({ input: 'x' })).toMatchObject({ status: 502, json: { error: { type: 'server_error' } } });
  expect(await compact({ input: 'x' })).toMatchObject({ status: 502, json: { error: { message: 'gone' } } });
});
