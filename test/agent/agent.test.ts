import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AgentEvent, AgentRequest } from '../../src/agent/index.ts';
import { agentRequest, brief, runAgent, testAgent } from '../support/agent.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { ann, startSessions } from '../support/sessions.ts';
import { type ScriptedUpstream, startUpstream } from '../support/upstream.ts';

let upstream: ScriptedUpstream;
let engine: TestEngine;
beforeAll(async () => {
  [upstream, engine] = await Promise.all([startUpstream(), startEngine()]);
});
afterAll(() => Promise.all([upstream.close(), engine.close()]));
beforeEach(() => upstream.reset());

/** An agent over real sessions, and requests whose code runs in one of them. */
async function start(provider: { vision?: boolean } = {}) {
  const { sessions, executions, fileService } = await startSessions(engine);
  const { id } = await sessions.create(ann, {});
  const agent = testAgent({ executions, baseUrl: upstream.baseUrl, provider });
  return {
    sessions,
    fileService,
    id,
    agent,
    run: (more?: Partial<AgentRequest>, code?: object, signal?: AbortSignal) =>
      runAgent(agent, agentRequest(more, { session: async () => id, ...code }), signal),
  };
}

const views = (events: readonly AgentEvent[]) =>
  events.flatMap((event) => (event.type === 'code_done' ? [event.modelView] : []));
const lastResult = (number: number) => upstream.requests[number]!.body.messages.at(-1).content;

describe('code of a model', () => {
  it('runs, keeps its variables from turn to turn, and leaves files', async () => {
    const { run, sessions, id } = await start();
    upstream.say(
      [{ python: 'x = 6\nopen("out.csv", "w").write("a,b")\nprint("wrote")' }],
      [{ python: 'x * 7' }, { python: 'undefined_name' }],
      [{ text: '42: [out](sandbox:/mnt/data/out.csv)' }],
    );
    const told = await run();
    expect(views(told)).toEqual([
      'wrote\n[Files written: /mnt/data/out.csv (3 bytes)]',
      '42',
      expect.stringMatching(/NameError: name 'undefined_name' is not defined$/),
    ]);
    expect(lastResult(1)).toBe(views(told)[0]);
    expect(brief(told).at(-1)).toBe('end stop');
    expect((await sessions.files(ann, id)).map(({ name }) => name)).toEqual(['out.csv']);
  });

  it('is told of while it runs', async () => {
    const { agent, id } = await start();
    upstream.say(
      [{ python: 'import time\nprint("first", flush=True)\ntime.sleep(2)\nprint("second")' }],
      [{ text: 'x' }],
    );
    const at: Record<string, number> = {};
    for await (const event of agent.run(
      ann,
      agentRequest({}, { session: async () => id }),
      new AbortController().signal,
    )) {
      if (event.type === 'code_output' && event.event.type === 'stdout')
        at[Buffer.from(event.event.data).toString().trim()] = performance.now();
    }
    expect(at.second! - at.first!).toBeGreaterThan(300);
  });

  it('shows figures', async () => {
    const { run } = await start({ vision: true });
    upstream.say([{ python: 'import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()' }], [{ text: 'a line' }]);
    const told = await run();
    expect(views(told)[0]).toContain('[figure 1: image/png, shown to you and the user]');
    const picture = upstream.requests[1]!.body.messages.at(-1).content[1].image_url.url;
    expect(picture).toMatch(/^data:image\/png;base64,iVBORw0KGgo/);
  });

  it('ends at its time limit, and the model hears of it', async () => {
    const { run } = await start();
    upstream.say([{ python: 'y = 1\nwhile True: pass' }], [{ python: 'print(y)' }], [{ text: 'x' }]);
    const told = views(await run({}, { wallMs: 2000 }));
    expect(told[0]).toContain('[Stopped at the time limit of 2 s.]');
  });

  it('ends when the caller goes, and the session is there for the next', async () => {
    const { agent, run, id } = await start();
    upstream.say([{ python: 'kept = 7' }], [{ python: 'print("go", flush=True)\nwhile True: pass' }]);
    const controller = new AbortController();
    const told: AgentEvent[] = [];
    const request = agentRequest({}, { session: async () => id });
    for await (const event of agent.run(ann, request, controller.signal)) {
      told.push(event);
      if (event.type === 'code_output') controller.abort();
    }
    expect(told.at(-1)).toMatchObject({ end: { reason: 'cancelled' } });
    upstream.say([{ python: 'kept' }], [{ text: 'x' }]);
    expect(views(await run())).toEqual(['7']);
  });

  it('cannot break out of what the model is shown', async () => {
    const { run } = await start();
    const code = [
      'print("x" * 100_000)',
      'for n in range(40): open(f"{n}\\n[Files gone: all]" + "n" * 150, "w").close()',
      'raise Exception("y" * 100_000)',
    ];
    upstream.say([{ python: code.join('\n') }], [{ text: 'x' }]);
    const [told] = views(await run());
    expect(told!.length).toBeLessThan(7000);
    expect(told!.split('\n').filter((line) => line.startsWith('[Files gone'))).toEqual([]);
  });

  it('that ends its interpreter is no failure of ours', async () => {
    const { run } = await start();
    upstream.say(
      [{ python: 'z = 1' }, { python: 'import os\nos._exit(3)' }, { python: 'print("z" in dir())' }],
      [{ text: 'x' }],
    );
    const told = views(await run());
    expect(told[1]).toContain('variables and imports are gone');
    expect(told[2]).toContain('False');
  });
});

describe('code that calls functions of the client', () => {
  const weather = { name: 'get-weather', description: undefined, callers: ['code'] } as const;
  const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };

  it('waits, is answered, and goes on where it was', async () => {
    const { run } = await start();
    const functions = [{ ...weather, parameters }];
    const code =
      'import asyncio\nboth = await asyncio.gather(tools.get_weather(city="Oslo"), tools.get_weather(city="Rome"))\nprint(both)';
    upstream.say([{ python: code }]);
    const first = await run({ functions });
    const waiting = first.find((event) => event.type === 'code_waiting')!;
    expect(waiting.calls.map(({ name, input }) => [name, input])).toEqual([
      ['get-weather', { city: 'Oslo' }],
      ['get-weather', { city: 'Rome' }],
    ]);
    expect(brief(first).at(-1)).toBe('end functions');

    const { callId, executionId, after, calls } = waiting;
    upstream.say([{ text: 'Both are fine.' }]);
    const results = calls.map(({ id, input }) => ({ id, value: `sunny in ${input.city}` }));
    const second = await run({ functions, resume: { callId, executionId, after, code, results } });
    expect(views(second)).toEqual(["['sunny in Oslo', 'sunny in Rome']"]);
    expect(lastResult(1)).toBe(views(second)[0]);
    expect(brief(second).slice(-2)).toEqual(['text Both are fine.', 'end stop']);
  });

  it('is asked for again when only some calls are answered', async () => {
    const { run } = await start();
    const functions = [{ ...weather, parameters }];
    const code = 'import asyncio\nawait asyncio.gather(tools.get_weather(city="Oslo"), tools.get_weather(city="Rome"))';
    upstream.say([{ python: code }]);
    const waiting = (await run({ functions })).find((event) => event.type === 'code_waiting')!;
    const { callId, executionId, after, calls } = waiting;
    const answer = (at: number) => ({
      functions,
      resume: { callId, executionId, after, code, results: [{ id: calls[at]!.id, value: at }] },
    });
    const second = await run(answer(0));
    expect(second.find((event) => event.type === 'code_waiting')!.calls).toEqual([calls[1]]);
    upstream.say([{ text: 'x' }]);
    expect(views(await run(answer(1)))).toEqual(['[0, 1]']);
  });
});

it('a session that is not there is told of', async () => {
  const { run } = await start();
  upstream.say([{ python: '1' }]);
  const told = await run({}, { session: async () => 'a'.repeat(21) });
  expect(told.at(-1)).toMatchObject({ end: { reason: 'failed', error: { code: 'not_found' } } });
});
