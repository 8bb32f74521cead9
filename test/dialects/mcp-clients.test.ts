import { MultiServerMCPClient } from '@langchain/mcp-adapters';
import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Agent, MCPServerStreamableHttp, OpenAIProvider, Runner, setTracingDisabled } from '@openai/agents';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { commandOf, type McpResult, runOf, sessionIn, textOf } from '../support/mcp.ts';
import { model, type OpenAiService, startOpenAi } from '../support/openai.ts';

/** Real clients of the protocol, unmodified. */
let service: OpenAiService;
beforeAll(async () => {
  setTracingDisabled(true);
  service = await startOpenAi();
});
afterAll(() => service?.stop());

const url = () => new URL(`${service.server.url}/mcp`);
const headers = () => ({ 'x-api-key': service.server.key });

const names = [
  'run_code',
  'check_run',
  'run_command',
  'check_command',
  'write_file',
  'read_file',
  'list_files',
  'reset_session',
];
const figure = 'import matplotlib.pyplot as plt\nplt.plot([1]); plt.show()\nopen("a.txt", "w").write("x")\n6 * 7';

/** What both generations of the official client can do. */
interface AnyClient {
  listTools(): Promise<{ tools: { name: string }[] }>;
  callTool(params: object, ...more: never[]): Promise<unknown>;
  listResources(): Promise<{ resources: { uri: string }[] }>;
  readResource(params: { uri: string }): Promise<{ contents: unknown[] }>;
  close(): Promise<void>;
}

async function official(): Promise<AnyClient> {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(url(), { requestInit: { headers: headers() } }));
  return client as unknown as AnyClient;
}

async function next(mode: 'legacy' | 'auto'): Promise<AnyClient> {
  const client = new NewClient({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
  await client.connect(new NewTransport(url(), { requestInit: { headers: headers() } }));
  expect(client.getNegotiatedProtocolVersion()).toBe(mode === 'auto' ? '2026-07-28' : '2025-11-25');
  return client as unknown as AnyClient;
}

describe.each([
  ['@modelcontextprotocol/sdk', official],
  ['@modelcontextprotocol/client, older revision', () => next('legacy')],
  ['@modelcontextprotocol/client, stateless revision', () => next('auto')],
])('%s', (_, open) => {
  let client: AnyClient;
  beforeAll(async () => {
    client = await open();
  });
  afterAll(() => client?.close());
  const call = async (name: string, given: object, ...more: unknown[]) =>
    (await client.callTool({ name, arguments: given }, ...(more as never[]))) as McpResult;

  it('lists the tools', async () => {
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(names);
  });

  it('runs code, goes on in its session, and reads what it made', async () => {
    const first = await call('run_code', { code: figure });
    expect(first.content.map(({ type }) => type)).toEqual(['text', 'image', 'resource_link']);
    const session_id = sessionIn(first);
    const { contents } = await client.readResource({ uri: first.content[2]!.uri! });
    expect(contents).toMatchObject([{ text: 'x', mimeType: 'text/plain' }]);
    expect(textOf(await call('run_code', { code: 'print(plt.__name__)', session_id }))).toContain('matplotlib.pyplot');
    const listed = await call('list_files', { session_id });
    expect(listed.structuredContent).toMatchObject({ session_id, files: [{ path: 'a.txt' }] });
  });

  it('runs commands on the files of its code', async () => {
    const first = await call('run_code', { code: 'open("n.txt", "w").write("6\\n7\\n")' });
    const session_id = sessionIn(first);
    const done = await call('run_command', { command: 'paste -sd "*" n.txt | bc | tee made.txt', session_id });
    expect(textOf(done)).toMatch(/^42\n\[Exit code 0\.\]\n\[Files written: \/mnt\/data\/made\.txt \(3 bytes\)\]\n/);
    const begun = await call('run_command', { command: 'echo up; sleep 60', background: true, session_id });
    expect(textOf(begun)).toMatch(/^up\n\[Command \S+ runs in the background\./);
    const { command_id } = commandOf(begun);
    const stopped = await call('check_command', { command_id, stop: true, session_id });
    expect(textOf(stopped)).toMatch(/^up\n\[Ended by SIGKILL\.\]\n/);
  });

  it('is told of mistakes by results', async () => {
    expect(await call('run_code', {})).toMatchObject({ isError: true });
    expect(await call('list_files', { session_id: 'none' })).toMatchObject({ isError: true });
    await expect(call('no_such_tool', {})).rejects.toThrow('Unknown tool');
  });
});

describe('progress and cancellation', () => {
  const code = 'import time\nfor i in range(100):\n    print("step", i, flush=True)\n    time.sleep(0.1)';

  it.each([
    ['@modelcontextprotocol/sdk', () => official(), [undefined]],
    ['@modelcontextprotocol/client', () => next('auto'), []],
  ])('of %s', async (_, open, before) => {
    const client = await open();
    const run = (options: object, more: object = {}) =>
      client.callTool({ name: 'run_code', arguments: { code, ...more } }, ...([...before, options] as never[]));
    const seen: { progress: number; message?: string }[] = [];
    const controller = new AbortController();
    const onprogress = (progress: (typeof seen)[number]) => {
      seen.push(progress);
      if (seen.length === 2) controller.abort();
    };
    await expect(run({ onprogress, signal: controller.signal })).rejects.toThrow();
    expect(seen[1]!.message).toMatch(/^step \d+$/);
    expect(seen[1]!.progress).toBeGreaterThan(seen[0]!.progress);
    // The same client goes on.
    const waited = (await run({}, { wait_seconds: 1 })) as McpResult;
    expect(runOf(waited)).toMatchObject({ status: 'running' });
    await client.close();
  });
});

it('LangChain’s adapter: text and figures, links left out on request', async () => {
  const servers = (more: object) => ({
    mcpServers: { dragoman: { transport: 'http' as const, url: url().href, headers: { ...headers(), ...more } } },
  });
  const client = new MultiServerMCPClient(servers({ 'x-dragoman-links': 'off' }));
  const tools = await client.getTools();
  expect(tools.map(({ name }) => name)).toEqual(names);
  const blocks = (await tools[0]!.invoke({ code: figure })) as { type: string; text?: string }[];
  expect(blocks.map(({ type }) => type)).toEqual(['text', 'image_url']);
  expect(blocks[0]!.text).toContain('42');
  const failed = await tools[0]!.invoke({ code: 'raise ValueError("no")' });
  expect(JSON.stringify(failed)).toContain('ValueError: no');
  await client.close();
});

describe('the OpenAI Agents SDK', () => {
  afterEach(() => service.upstream.reset());

  it('lets a model run code', async () => {
    const server = new MCPServerStreamableHttp({
      name: 'dragoman',
      url: url().href,
      requestInit: { headers: headers() },
    });
    await server.connect();
    try {
      service.upstream.say(
        [{ call: 'run_code', arguments: { code: 'x = 41\nprint(x + 1)' } }],
        [{ text: 'It is 42.' }],
      );
      const provider = new OpenAIProvider({
        apiKey: service.server.key,
        baseURL: service.baseURL,
        useResponses: false,
      });
      const agent = new Agent({ name: 'analyst', instructions: 'Use the tools.', model, mcpServers: [server] });
      const { finalOutput } = await new Runner({ modelProvider: provider }).run(agent, 'What is 41 + 1?');
      expect(finalOutput).toBe('It is 42.');
      expect(JSON.stringify(service.upstream.requests.at(-1)!.body.messages)).toMatch(/42\\+n\[session_id/);
    } finally {
      await server.close();
    }
  });
});
