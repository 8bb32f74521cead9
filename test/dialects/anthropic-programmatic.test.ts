import type Anthropic from '@anthropic-ai/sdk';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type AnthropicService, calls, model, startAnthropic } from '../support/anthropic.ts';

/** Code that calls the client's tools, through Anthropic's client, against a real server and a scripted model. */
let service: AnthropicService;
beforeAll(async () => {
  service = await startAnthropic({ DRAGOMAN_TOOL_WAIT_MS: '3000' });
});
afterAll(() => service?.stop());
afterEach(() => service.upstream.reset());

type Block = Record<string, unknown> & { type: string; id: string; input: Record<string, unknown> };
const input_schema = {
  type: 'object',
  properties: { player: { type: 'string' }, season: { type: 'integer' } },
  required: ['player'],
};
const toolsFor = (version: string, callers = [`code_execution_${version}`]) =>
  [
    { type: `code_execution_${version}`, name: 'code_execution' },
    { name: 'points', description: 'Points of a player', input_schema, allowed_callers: callers },
  ] as Anthropic.ToolUnion[];

async function create(messages: unknown[], more: Record<string, unknown> = {}) {
  const body = { model, max_tokens: 1000, messages, tools: toolsFor('20260120'), ...more };
  return service.client.messages.create(body as unknown as Anthropic.MessageCreateParamsNonStreaming);
}

const blocks = ({ content }: Anthropic.Message) => content as unknown as Block[];
const uses = (message: Anthropic.Message) => blocks(message).filter(({ type }) => type === 'tool_use');
const answers = (message: Anthropic.Message, answer: (input: Record<string, unknown>) => object) => ({
  role: 'user',
  content: uses(message).map(({ id, input }) => ({ type: 'tool_result', tool_use_id: id, ...answer(input) })),
});
const said = ({ content }: Anthropic.Message) => ({ role: 'assistant', content });
const user = { role: 'user', content: 'Go' };

const program = `
import asyncio
async def main():
    results = await asyncio.gather(points(player="ann"), points({"player": "bob"}), points("cid", 2026))
    print(sum(int(result) for result in results))
    try:
        await points(player="dan")
    except Exception as error:
        print("failed:", error)
asyncio.run(main())
`;

it('runs in rounds, and the model sees the output of the whole program alone', async () => {
  service.upstream.say([{ text: 'Let me ask.' }, calls.python(program)], [{ text: 'It is 60.' }]);
  const first = await create([user]);
  const [text, code, ...calling] = blocks(first);
  expect([text!.type, code!.type, first.stop_reason]).toEqual(['text', 'server_tool_use', 'tool_use']);
  expect(first.container!.id).toMatch(/^container_/);
  expect(calling.map(({ id, ...call }) => [id.slice(0, 6), call])).toEqual(
    [{ player: 'ann' }, { player: 'bob' }, { player: 'cid', season: 2026 }].map((input) => [
      'toolu_',
      { type: 'tool_use', name: 'points', input, caller: { type: 'code_execution_20260120', tool_id: code!.id } },
    ]),
  );
  const offered = service.upstream.requests[0]!.body.tools as { function: { name: string; description: string } }[];
  expect(offered.map((tool) => tool.function.name)).not.toContain('points');
  expect(offered[0]!.function.description).toContain('await points(…): Points of a player');

  const values: Record<string, string> = { ann: '10', bob: '20', cid: '30' };
  const history = [user, said(first), answers(first, ({ player }) => ({ content: values[player as string]! }))];
  const second = await create(history, { container: first.container!.id });
  expect(blocks(second)).toMatchObject([{ type: 'tool_use', input: { player: 'dan' }, caller: { tool_id: code!.id } }]);
  expect(second.usage).toMatchObject({ input_tokens: 0, output_tokens: 0 });
  expect([second.stop_reason, second.container!.id]).toEqual(['tool_use', first.container!.id]);

  // Without the container: the call is known by its id.
  history.push(
    said(second),
    answers(second, () => ({ content: 'no such player', is_error: true })),
  );
  const third = await create(history);
  expect(blocks(third)).toMatchObject([
    {
      type: 'code_execution_tool_result',
      tool_use_id: code!.id,
      content: { stdout: '60\nfailed: no such player\n', return_code: 0 },
    },
    { type: 'text', text: 'It is 60.' },
  ]);
  const seen = service.upstream.requests[1]!.body.messages as { role: string; content: string }[];
  expect(seen.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
  expect(seen.at(-1)!.content).toBe('60\nfailed: no such player');

  service.upstream.say([{ text: 'Gladly.' }]);
  await create([...history, said(third), { role: 'user', content: 'Thanks' }]);
  const replayed = service.upstream.requests[2]!.body.messages as { role: string }[];
  expect(replayed.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant', 'user']);
  expect(JSON.stringify(replayed)).not.toContain('"toolu_');
});

it('calls at the top level, also tools that the model may call itself, and keeps text as text', async () => {
  const tools = toolsFor('20250825', ['direct', 'code_execution_20250825']);
  service.upstream.say([calls.python('r = await points("ann")\nprint(type(r).__name__, r)')], [{ text: 'Done.' }]);
  const first = await create([user], { tools });
  const names = service.upstream.requests[0]!.body.tools as { function: { name: string } }[];
  expect(names.map((tool) => tool.function.name)).toContain('points');
  expect(uses(first)).toMatchObject([{ caller: { type: 'code_execution_20250825' } }]);
  const history = [user, said(first), answers(first, () => ({ content: [{ type: 'text', text: '{"p": 1}' }] }))];
  const second = await create(history, { tools });
  expect(blocks(second)[0]).toMatchObject({ content: { stdout: 'str {"p": 1}\n' } });
});

it('names the newest type of caller that clients know', async () => {
  const tools = toolsFor('20260521');
  service.upstream.say([calls.python('await points("ann")')]);
  expect(uses(await create([user], { tools }))).toMatchObject([{ caller: { type: 'code_execution_20260120' } }]);
});

it('refuses answers that are missing, late, or mixed with something else', async () => {
  service.upstream.say([calls.python('import asyncio\nawait asyncio.gather(points("a"), points("b"))')]);
  const first = await create([user]);
  const answer = answers(first, () => ({ content: '1' }));
  const refusal = (content: unknown) =>
    create([user, said(first), { role: 'user', content }]).then(
      () => 'accepted',
      ({ status, error }) => `${status} ${error.error.message}`,
    );
  expect(await refusal([answer.content[0]])).toMatch(/^400 messages\.2: The call 'toolu_.* has no tool_result/);
  expect(await refusal([...answer.content, { type: 'text', text: 'And?' }])).toMatch(/tool_result blocks alone/);
  // The program ends when it has waited for too long.
  await expect
    .poll(() => refusal(answer.content), { timeout: 15_000, interval: 500 })
    .toMatch(/^400 messages\.2: The code that made these calls does not wait/);
});

it('gives the program up when the user says something else', async () => {
  service.upstream.say([calls.python('kept = 7\nawait points("a")')], [calls.python('kept')], [{ text: 'It is 7.' }]);
  const first = await create([user]);
  const history = [user, said(first), { role: 'user', content: 'Never mind. What is kept?' }];
  const second = await create(history, { container: first.container!.id });
  expect(blocks(second)[1]).toMatchObject({ content: { stdout: '7' } });
});

it('is of one key: another has no such code', async () => {
  service.upstream.say([calls.python('await points("a")')]);
  const first = await create([user]);
  const { other } = service;
  const body = { model, max_tokens: 100, tools: toolsFor('20260120') };
  const history = [user, said(first), answers(first, () => ({ content: '1' }))];
  await expect(other.messages.create({ ...body, messages: history } as never)).rejects.toMatchObject({ status: 400 });
  await expect(
    other.messages.create({ ...body, messages: [user], container: first.container!.id } as never),
  ).rejects.toMatchObject({ status: 404 });
});

it('streams its calls, and goes on in a stream', async () => {
  service.upstream.say([calls.python('print(await points("ann"))')], [{ text: 'Ten.' }]);
  const body = { model, max_tokens: 1000, tools: toolsFor('20260120') };
  const stream = service.client.messages.stream({ ...body, messages: [user] } as never);
  const first = await stream.finalMessage();
  expect(blocks(first).map(({ type }) => type)).toEqual(['server_tool_use', 'tool_use']);
  expect(first.container!.id).toMatch(/^container_/);
  const history = [user, said(first), answers(first, () => ({ content: '10' }))];
  const second = service.client.messages.stream({ ...body, messages: history } as never);
  const seen: string[] = [];
  second.on('contentBlock', ({ type }) => seen.push(type));
  expect(blocks(await second.finalMessage())).toMatchObject([{ content: { stdout: '10\n' } }, { text: 'Ten.' }]);
  expect(seen).toEqual(['code_execution_tool_result', 'text']);
});
