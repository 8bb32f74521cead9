import Anthropic, { toFile } from '@anthropic-ai/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AnthropicService, calls, model, startAnthropic } from '../support/anthropic.ts';

/** Anthropic's client, unchanged, against a real server and a scripted model. */
let service: AnthropicService;
beforeAll(async () => {
  service = await startAnthropic();
});
afterAll(() => service?.stop());
afterEach(() => service.upstream.reset());

type Create = Anthropic.MessageCreateParamsNonStreaming;
type Params = Partial<Create>;
const tools = [{ type: 'code_execution_20250825', name: 'code_execution' }] as Anthropic.ToolUnion[];
const ask = (more: Params = {}): Create => ({
  model,
  max_tokens: 1000,
  messages: [{ role: 'user', content: 'Go' }],
  tools,
  ...more,
});
const create = (more: Params = {}) => service.client.messages.create(ask(more));
/** What the model was sent last. */
const lastSent = () => service.upstream.requests.at(-1)!.body.messages as { role: string; content: unknown }[];

describe('code', () => {
  it('runs, and the model goes on', async () => {
    service.upstream.say([calls.python('print("six times seven")\n6 * 7')], [{ text: 'It is 42.' }]);
    const message = await create();
    expect(message).toMatchObject({
      id: expect.stringMatching(/^msg_/),
      type: 'message',
      role: 'assistant',
      model,
      stop_reason: 'end_turn',
      stop_sequence: null,
      container: { id: expect.stringMatching(/^container_/), expires_at: expect.stringMatching(/^\d{4}-.*Z$/) },
      usage: { input_tokens: 20, output_tokens: 10 },
    });
    const [call, result, text] = message.content as unknown as Record<string, unknown>[];
    expect(call).toEqual({
      type: 'server_tool_use',
      id: expect.stringMatching(/^srvtoolu_/),
      name: 'code_execution',
      input: { code: 'print("six times seven")\n6 * 7' },
      caller: { type: 'direct' },
    });
    expect(result).toEqual({
      type: 'code_execution_tool_result',
      tool_use_id: call!.id,
      content: {
        type: 'code_execution_result',
        stdout: 'six times seven\n42',
        stderr: '',
        return_code: 0,
        content: [],
      },
    });
    expect(text).toEqual({ type: 'text', text: 'It is 42.' });
  });

  it('is Bash too, in a shell of its own each time', async () => {
    service.upstream.say(
      [calls.bash('cd /tmp; x=1; echo kept > /mnt/data/f.txt; exit 3')],
      [calls.bash('pwd; echo "[$x]"; cat f.txt; echo "$INPUT_DIR"; echo oh >&2')],
      [{ text: 'Done.' }],
    );
    const { content } = await create();
    expect(content.map(({ type }) => type)).toEqual([
      'server_tool_use',
      'bash_code_execution_tool_result',
      'server_tool_use',
      'bash_code_execution_tool_result',
      'text',
    ]);
    expect(content[0]).toMatchObject({ name: 'bash_code_execution', input: { command: expect.stringMatching(/^cd/) } });
    expect(content[1]).toMatchObject({
      content: {
        type: 'bash_code_execution_result',
        return_code: 3,
        content: [{ type: 'bash_code_execution_output' }],
      },
    });
    expect(content[3]).toMatchObject({
      content: { stdout: '/mnt/data\n[]\nkept\n/mnt/data\n', stderr: 'oh\n', return_code: 0, content: [] },
    });
  });

  it('is Bash of any length and spelling, in the sandbox of the others', async () => {
    const long = `cat > long.txt <<'EOF'\n${'x'.repeat(200_000)}\nEOF\nwc -c < long.txt; read line; echo "[$line]"`;
    service.upstream.say(
      [calls.python('open("/tmp/outside", "w").write("shared"); import subprocess')],
      [calls.bash(`cat /tmp/outside; echo " it's \\"quoted\\" $((1 + 1)) \\\\"; exit 200`)],
      [calls.bash(long)],
      [calls.bash('echo "unfinished')],
      [calls.editor({ command: 'view', path: '/tmp/outside' })],
      [{ text: 'Done.' }],
    );
    const { content } = await create();
    const results = content.flatMap((block) => ('tool_use_id' in block ? [block.content] : []));
    expect(results[1]).toMatchObject({ stdout: 'shared it\'s "quoted" 2 \\\n', return_code: 200 });
    expect(results[2]).toMatchObject({ stdout: '200001\n[]\n', return_code: 0 });
    expect(results[3]).toMatchObject({ stderr: expect.stringContaining('unexpected EOF'), return_code: 2 });
    expect(results[4]).toMatchObject({ content: 'shared' });
  });

  it('and the editor work in one session', async () => {
    service.upstream.say(
      [calls.editor({ command: 'create', path: 'src/a.py', file_text: 'x = 1\ny = 2\nz = 3\n' })],
      [calls.editor({ command: 'view', path: '/mnt/data/src/a.py' })],
      [calls.editor({ command: 'str_replace', path: 'src/a.py', old_str: 'y = 2', new_str: 'y = 20\nw = 4' })],
      [calls.editor({ command: 'str_replace', path: 'src/a.py', old_str: 'nowhere', new_str: '' })],
      [calls.editor({ command: 'view', path: 'none.txt' })],
      [calls.editor({ command: 'view', path: '/mnt/data' })],
      [calls.editor({ command: 'delete', path: 'src/a.py' })],
      [calls.python('import sys; sys.path.insert(0, "src"); import a; a.x + a.y + a.z')],
      [{ text: 'Done.' }],
    );
    const { content } = await create();
    const results = content.flatMap((block) => ('tool_use_id' in block ? [block.content] : []));
    expect(results).toEqual([
      { type: 'text_editor_code_execution_create_result', is_file_update: false },
      {
        type: 'text_editor_code_execution_view_result',
        content: 'x = 1\ny = 2\nz = 3\n',
        file_type: 'text',
        num_lines: 3,
        start_line: 1,
        total_lines: 3,
      },
      {
        type: 'text_editor_code_execution_str_replace_result',
        lines: [' x = 1', '-y = 2', '+y = 20', '+w = 4', ' z = 3'],
        old_start: 1,
        old_lines: 3,
        new_start: 1,
        new_lines: 4,
      },
      {
        type: 'text_editor_code_execution_tool_result_error',
        error_code: 'invalid_tool_input',
        error_message: 'old_str was not found in the file.',
      },
      {
        type: 'text_editor_code_execution_tool_result_error',
        error_code: 'file_not_found',
        error_message: 'The path does not exist.',
      },
      {
        type: 'text_editor_code_execution_view_result',
        content: 'src/\nsrc/a.py',
        file_type: 'text',
        num_lines: 2,
        start_line: 1,
        total_lines: 2,
      },
      {
        type: 'text_editor_code_execution_tool_result_error',
        error_code: 'invalid_tool_input',
        error_message: expect.stringContaining('could not be read'),
      },
      { type: 'code_execution_result', stdout: '24', stderr: '', return_code: 0, content: expect.any(Array) },
    ]);
  });

  it('tells what went wrong', async () => {
    service.upstream.say(
      [calls.python('print("before")\nraise ValueError("no")')],
      [calls.python('import os; os.kill(os.getpid(), 9)')],
      [{ call: 'bash_code_execution', arguments: '{"command": 7}' }],
      [{ text: 'Well.' }],
    );
    const { content } = await create();
    expect(content[1]).toMatchObject({
      content: { stdout: 'before\n', stderr: expect.stringContaining('ValueError: no'), return_code: 1 },
    });
    expect(content[3]).toMatchObject({ content: { return_code: 137, stderr: expect.stringContaining('killed') } });
    expect(content[5]).toMatchObject({
      content: { type: 'bash_code_execution_tool_result_error', error_code: 'invalid_tool_input' },
    });
  });

  it('keeps variables in its container, and gives every version Python', async () => {
    for (const version of ['20250522', '20250825', '20260120', '20260521']) {
      const versioned = [{ type: `code_execution_${version}`, name: 'code_execution' }] as never;
      service.upstream.say([calls.python('x = 41')], [{ text: 'Kept.' }]);
      const first = await create({ tools: versioned });
      const offered = service.upstream.requests.at(-1)!.body.tools as { function: { name: string } }[];
      expect(offered.length).toBe(version === '20250522' ? 1 : 3);
      service.upstream.say([calls.python('x + 1')], [{ text: '42' }]);
      const { id } = first.container!;
      const second = await create({ tools: versioned, container: version === '20250825' ? ({ id } as never) : id });
      expect(second.container!.id).toBe(id);
      expect(second.content[1]).toMatchObject({ content: { stdout: '42' } });
      expect(Date.parse(second.container!.expires_at)).toBeGreaterThan(Date.now());
    }
  });

  it('has a history that is sent again', async () => {
    service.upstream.say([{ text: 'Let me see.' }, calls.python('print(6 * 7)')], [{ text: 'It is 42.' }]);
    const first = await create();
    service.upstream.say([{ text: 'As I said.' }]);
    const messages: Anthropic.MessageParam[] = [
      { role: 'user', content: 'Go' },
      { role: 'assistant', content: first.content as never },
      { role: 'user', content: 'Again?' },
    ];
    await create({ messages, system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }] });
    expect(lastSent()).toMatchObject([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Go' },
      { role: 'assistant', content: 'Let me see.', tool_calls: [{ function: { name: 'code_execution' } }] },
      { role: 'tool', content: '42' },
      { role: 'assistant', content: 'It is 42.' },
      { role: 'user', content: 'Again?' },
    ]);
  });
});

describe('files', () => {
  it('go into the container, and out of it', async () => {
    const { client } = service;
    const uploaded = await client.beta.files.upload({ file: await toFile(Buffer.from('6,7'), 'folder/in.csv') });
    expect(uploaded).toMatchObject({ type: 'file', filename: 'in.csv', mime_type: 'text/csv', size_bytes: 3 });
    expect(uploaded).toMatchObject({ downloadable: false, created_at: expect.stringMatching(/Z$/) });
    const code = 'a, b = open("in.csv").read().split(",")\nopen("out.txt", "w").write(f"{int(a) * int(b)}")';
    const plot = 'import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()';
    service.upstream.say([calls.python(code)], [calls.python(plot)], [{ text: 'Done.' }]);
    const content = [
      { type: 'text', text: 'Multiply' },
      { type: 'container_upload', file_id: uploaded.id },
    ] as never;
    const message = await create({ messages: [{ role: 'user', content }] });
    expect(JSON.stringify(lastSent())).toContain('[in.csv is at /mnt/data/in.csv]');
    const [out, figure] = message.content.flatMap((block) =>
      block.type === 'code_execution_tool_result' && 'content' in block.content ? block.content.content : [],
    );
    expect(await (await client.beta.files.download(out!.file_id)).text()).toBe('42');
    expect(await client.beta.files.retrieveMetadata(figure!.file_id)).toMatchObject({
      filename: 'figure_1.png',
      mime_type: 'image/png',
      downloadable: true,
    });
    const listed = await Array.fromAsync(client.beta.files.list({ limit: 2 }));
    expect(listed.slice(0, 3).map(({ filename }) => filename)).toEqual(['figure_1.png', 'out.txt', 'in.csv']);
    await expect(client.beta.files.download(uploaded.id)).rejects.toMatchObject({
      status: 400,
      error: { error: { details: { error_code: 'file_not_downloadable' } } },
    });
    for (const page of ['zz', 'x'.repeat(21), `file_${'x'.repeat(21)}`])
      await expect(client.beta.files.list({ page } as never)).rejects.toMatchObject({
        status: 400,
        error: { error: { type: 'invalid_request_error', message: expect.stringMatching(/^page: /) } },
      });
    expect(await client.beta.files.delete(uploaded.id)).toEqual({ id: uploaded.id, type: 'file_deleted' });
    await expect(client.beta.files.delete(uploaded.id)).rejects.toMatchObject({ status: 404 });
  });
});

it('lists models and one of them, and estimates tokens', async () => {
  const { client } = service;
  const models = await Array.fromAsync(client.models.list());
  expect(models).toMatchObject([{ type: 'model', id: model, display_name: model }]);
  expect(await client.models.retrieve(model)).toMatchObject({ id: model });
  await expect(client.models.retrieve('none')).rejects.toBeInstanceOf(Anthropic.NotFoundError);
  const { input_tokens } = await client.messages.countTokens({ model, messages: [{ role: 'user', content: 'hello' }] });
  expect(input_tokens).toBeGreaterThan(3);
});

it('refuses what the contract says, naming the field', async () => {
  const refused = async (more: Record<string, unknown>) =>
    create(more as Params).then(
      () => 'accepted',
      (error) => `${error.status} ${error.error.error.type} ${error.error.error.message}`,
    );
  expect(await refused({ max_tokens: undefined })).toBe('400 invalid_request_error max_tokens: Field required');
  expect(await refused({ messages: [] })).toMatch(/^400 invalid_request_error messages: /);
  expect(await refused({ messages: [{ role: 'user', content: [{ type: 'nonsense' }] }] })).toMatch(
    /^400 .* messages\.0\.content\.0: /,
  );
  expect(await refused({ tools: [{ type: 'code_execution_20990101', name: 'code_execution' }] })).toMatch(/tools\.0: /);
  expect(await refused({ tools: [...tools, ...tools] })).toMatch(/tools\.1: /);
  expect(await refused({ tools: [{ type: 'web_search_20250305', name: 'web_search' }] })).toMatch(/tools\.0: /);
  expect(await refused({ mcp_servers: [{ type: 'url', url: 'https://x', name: 'x' }] })).toMatch(/mcp_servers: /);
  expect(await refused({ container: { skills: [{ type: 'anthropic', skill_id: 'x' }] } })).toMatch(
    /container\.skills: /,
  );
  expect(await refused({ container: 'container_none' })).toMatch(/^404 not_found_error container: /);
  expect(await refused({ model: 'none/x', thread: { type: 'create' } })).toMatch(/^400 .*thread: /);
  const answer = { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'f', input: {} }] };
  const messages = [{ role: 'user', content: 'Go' }, answer, { role: 'user', content: 'Well?' }];
  expect(await refused({ messages })).toMatch(/^400 invalid_request_error messages\.2: The call 'toolu_1' has no/);
});
