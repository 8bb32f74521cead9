import Anthropic from '@anthropic-ai/sdk';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { calls } from '../../support/anthropic.ts';
import { type Balancer, startBalancer } from '../../support/cluster/balancer.ts';
import { describeCluster, note } from '../../support/cluster/for-file.ts';
import { RunCounter } from '../../support/cluster/run-counter.ts';
import { type AgentTool, runProgram } from '../../support/librechat-agents.ts';
import { legacyMcp, type McpResult, runOf } from '../../support/mcp.ts';
import { model } from '../../support/modelled-server.ts';
import { type ScriptedUpstream, startUpstream } from '../../support/upstream.ts';

const upstream: ScriptedUpstream = await startUpstream();
const gatewayEnv = {
  DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
  DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
  DRAGOMAN_UPSTREAM_MODEL: model,
};

/** Real clients of each API whose requests go to two gateways in turn. */
describeCluster(
  'clients of two gateways behind a load balancer',
  { gateways: 2, workers: 2, gatewayEnv },
  (context) => {
    let balancer: Balancer;
    beforeAll(async () => {
      balancer = await startBalancer(() => context.live(context.cluster.gateways));
    });
    afterAll(async () => {
      await balancer?.close();
      await upstream.close();
    });
    const place = () => ({ url: balancer.url, key: context.cluster.keys[0] });
    const counted = () => {
      const counter = new RunCounter();
      onTestFinished(() => counter.close());
      return counter;
    };
    /** Both gateways have got requests. */
    const inTurn = () => expect(Math.min(...balancer.counts)).toBeGreaterThan(0);

    it.each(['python', 'bash'] as const)('LibreChat: a program in %s goes through its rounds', async (lang) => {
      const weather: AgentTool = {
        name: 'get-weather',
        parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
        run: ({ city }) => ({ celsius: String(city).length }),
      };
      const python =
        'n = 0\nfor k in range(6):\n    n += (await get_weather(city="x" * k))["celsius"]\nopen("made.txt", "w").write("made")\nprint(n)';
      const bash = `n=0; for k in $(seq 6); do c=$(get_weather '{"city":"abc"}' | jq .celsius); n=$((n + c)); done; echo made > made.txt; echo $n`;
      const { url, key } = place();
      const options = { baseUrl: `${url}/v1`, authHeaders: { 'x-api-key': key } };
      const { content, artifact } = await runProgram(lang, options, {
        tools: [weather],
        code: lang === 'python' ? python : bash,
      });
      expect(content).toContain(`stdout:\n${lang === 'python' ? 15 : 18}`);
      expect(artifact?.files).toMatchObject([{ name: 'made.txt' }]);
      inTurn();
      note(`LibreChat's ${lang} client, 6 rounds`, 'completed, its file is there', 1);
    });

    it('LibreChat: a program goes on when the gateway that began it dies between two rounds', async () => {
      const counter = counted();
      let rounds = 0;
      const ask: AgentTool = {
        name: 'ask',
        run: async () => {
          if (++rounds === 2) await context.live(context.cluster.gateways)[0]!.kill();
          // Until it is known to be dead, the program is asked for in vain: 503, which this client does not try again.
          if (rounds === 2) await new Promise((resolve) => setTimeout(resolve, 6000));
          return rounds;
        },
      };
      const { url, key } = place();
      const { content } = await runProgram(
        'python',
        { baseUrl: `${url}/v1`, authHeaders: { 'x-api-key': key } },
        {
          tools: [ask],
          code: `${counter.code}a = await ask()\nb = await ask()\nc = await ask()\nprint("said", a, b, c)`,
        },
      );
      expect(content).toContain('said 1 2 3');
      expect(counter.count).toBe(1);
      note(
        'gateway, kill -9, between two rounds of a LibreChat program',
        'it goes on at the other gateway',
        counter.count,
      );
    });

    it('LibreChat: a program is cancelled by the name of its request, whichever gateway hears of it', async () => {
      const counter = counted();
      const gone = new AbortController();
      const { url, key } = place();
      const running = runProgram(
        'python',
        { baseUrl: `${url}/v1`, authHeaders: { 'x-api-key': key } },
        {
          tools: [{ name: 'ask', run: () => 1 }],
          code: `${counter.code}import time\ntime.sleep(50)`,
          signal: gone.signal,
        },
      );
      const over = expect(running).rejects.toThrow();
      await counter.begun();
      gone.abort();
      await over;
      await expect.poll(() => counter.isRunning, { timeout: 15_000 }).toBe(false);
    });

    it("MCP: the SDK's client calls tools, and waits for a run, through both", async () => {
      const { url, key } = place();
      const client = new Client({ name: 'test', version: '1' });
      const requestInit = { headers: { 'x-api-key': key } };
      await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit }) as never);
      onTestFinished(() => client.close());
      const run = async (given: object, name = 'run_code') =>
        runOf((await client.callTool({ name, arguments: { ...given } })) as unknown as McpResult);
      const begun = await run({ code: 'import time; n = 1; time.sleep(3); print("slept")', wait_seconds: 0 });
      expect(begun).toMatchObject({ status: 'running' });
      let checked = await run({ run_id: begun.run_id, wait_seconds: 1 }, 'check_run');
      while (checked.status === 'running') checked = await run({ run_id: begun.run_id, wait_seconds: 1 }, 'check_run');
      expect(checked).toMatchObject({ outcome: 'completed', stdout: 'slept\n' });
      for (let n = 2; n <= 5; n++) expect(await run({ code: 'n += 1; print(n)' })).toMatchObject({ stdout: `${n}\n` });
      inTurn();
      note("MCP's client, a run that is waited for, and cells of one session", 'completed, continued each time', 1);
    });

    it('MCP: a call is cancelled by a message that comes to the other gateway', async () => {
      const counter = counted();
      const client = await legacyMcp(place());
      const given = { code: `${counter.code}import time; time.sleep(50)` };
      const cancelled = client.send('tools/call', { name: 'run_code', arguments: given }, { id: 'long' });
      await counter.begun();
      await client.notify('notifications/cancelled', { requestId: 'long' });
      expect((await cancelled).messages).toEqual([]);
      // Its session is free again, long before the code would have ended.
      const next = await client.call('run_code', { code: 'print(6 * 7)' });
      expect(runOf(next)).toMatchObject({ status: 'done', stdout: '42\n' });
    });

    it("OpenAI: functions that code calls are answered by previous_response_id, with OpenAI's client", async () => {
      const { url, key } = place();
      const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key });
      upstream.say([{ python: 'a = await tools.look(at="a")\nb = await tools.look(at="b")\nprint("sum", a + b)' }]);
      const look = {
        type: 'function' as const,
        name: 'look',
        strict: false,
        parameters: { type: 'object', properties: { at: { type: 'string' } } },
      };
      const request = {
        model,
        tools: [
          { type: 'code_interpreter' as const, container: { type: 'auto' as const } },
          { ...look, allowed_callers: ['programmatic' as const] },
        ],
      };
      let response = await client.responses.create({ ...request, input: 'Go' });
      for (const output of ['4', '2']) {
        const call = response.output.find((item) => item.type === 'function_call')!;
        expect(call).toMatchObject({ name: 'look', caller: { type: 'program' } });
        if (output === '2') upstream.say([{ text: 'It is 42.' }]);
        response = await client.responses.create({
          ...request,
          previous_response_id: response.id,
          input: [{ type: 'function_call_output', call_id: call.call_id, output }],
        });
      }
      expect(response.output_text).toBe('It is 42.');
      expect(JSON.stringify(upstream.requests.at(-1)!.body.messages.at(-1))).toContain('sum 6');
      inTurn();
      note("OpenAI's client, function_call_output with previous_response_id", 'completed', 1);
    });

    it("Anthropic: tools that code calls are answered, with Anthropic's client", async () => {
      const { url, key } = place();
      const client = new Anthropic({ baseURL: url, apiKey: key });
      upstream.say(
        [calls.python('a = await points("ann")\nb = await points("bob")\nprint(int(a) + int(b))')],
        [{ text: 'It is 30.' }],
      );
      const tools = [
        { type: 'code_execution_20260120', name: 'code_execution' },
        {
          ...{ name: 'points', description: 'Points of a player', allowed_callers: ['code_execution_20260120'] },
          input_schema: { type: 'object', properties: { player: { type: 'string' } }, required: ['player'] },
        },
      ];
      const messages: unknown[] = [{ role: 'user', content: 'Go' }];
      const create = () => {
        const body = { model, max_tokens: 1000, messages, tools };
        return client.messages.create(body as unknown as Anthropic.MessageCreateParamsNonStreaming);
      };
      let answer = await create();
      for (const content of ['10', '20']) {
        const used = answer.content.find(({ type }) => type === 'tool_use') as { id: string } | undefined;
        expect(used).toBeDefined();
        messages.push({ role: 'assistant', content: answer.content });
        messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: used!.id, content }] });
        answer = await create();
      }
      expect(answer.content).toMatchObject([{ content: { stdout: '30\n' } }, { type: 'text', text: 'It is 30.' }]);
      inTurn();
      note("Anthropic's client, tools that code calls", 'completed', 1);
    });
  },
);
