import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ToolCall } from '../../src/core/index.ts';
import type { ExecutionRequest, RunningExecution } from '../../src/service/index.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { ann, bob, startSessions } from '../support/sessions.ts';
import { echo, weather } from '../support/tools.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const tools = [weather, echo];
const program = (code: string, more: Partial<ExecutionRequest> = {}): ExecutionRequest => ({
  language: 'python',
  code,
  tools,
  asProgram: true,
  ...more,
});

/** The calls of the next round after event `after`; rejects when there is none. */
async function round(execution: RunningExecution, after = 0): Promise<{ calls: readonly ToolCall[]; number: number }> {
  for await (const { number, event } of execution.events(after))
    if (event.type === 'tool_calls') return { calls: event.calls, number };
  throw new Error('it ended');
}

it('waits for its caller, tells him so, and goes on with his answer', async () => {
  const { executions } = await startSessions(engine);
  const code = 'print((await get_weather(city="Oslo"))["t"])\nopen("f.txt", "w").write("x")\nsys.exit(3)';
  const execution = await executions.start(ann, program(code));
  const { calls } = await round(execution);
  expect(execution.status).toBe('waiting');
  expect(execution.pending).toEqual(calls);
  const answer = [{ id: calls[0]!.id, value: { t: 7 } }];
  await execution.answer(answer);
  await execution.answer(answer);
  const ended = await execution.done;
  expect(ended).toMatchObject({ result: { exitCode: 3, stdout: { text: '7\n' } }, sessionId: execution.id });
  expect(ended.files).toMatchObject([{ change: 'created', file: { name: 'f.txt', sessionId: execution.id } }]);
  expect(execution.pending).toEqual([]);
  await expect(execution.answer(answer)).rejects.toThrow(/ended/);
  await expect(executions.find(bob, execution.id)).rejects.toMatchObject({ code: 'not_found' });
});

it('keeps a cell’s variables, and its turn, while it waits', async () => {
  const { sessions, executions, run } = await startSessions(engine);
  const { id } = await sessions.create(ann, {});
  await run(id, 'x = 1');
  const request = { language: 'python', sessionId: id, tools, code: 'y = x + (await tools.echo(n=1))["n"]\ny' };
  const execution = await executions.start(ann, request);
  const { calls } = await round(execution);
  const next = run(id, 'y + 1');
  await execution.answer(calls.map((call) => ({ id: call.id, value: call.input })));
  expect((await execution.done).result.outputs).toMatchObject([{ bundle: { 'text/plain': '2' } }]);
  expect((await next).result.outputs).toMatchObject([{ bundle: { 'text/plain': '3' } }]);
});

it('runs in no place while it waits: as many may wait as memory and the operator allow', async () => {
  const { executions, run } = await startSessions(engine);
  const code = 'print((await echo(n=1))["n"])';
  // More than there are places, and as many as one principal may have.
  const several = await Promise.all(Array.from({ length: 5 }, () => executions.start(ann, program(code))));
  const rounds = await Promise.all(several.map((execution) => round(execution)));
  await expect(executions.start(ann, program(code))).rejects.toMatchObject({
    code: 'rate_limited',
    retryAfterSeconds: 5,
  });
  const others = await Promise.all(Array.from({ length: 5 }, () => executions.start(bob, program(code))));
  const rounds2 = await Promise.all(others.map((execution) => round(execution)));
  expect((await run(undefined, '6 * 7')).result.outcome).toBe('completed');
  for (const [index, execution] of [...several, ...others].entries()) {
    const { calls } = [...rounds, ...rounds2][index]!;
    await execution.answer([{ id: calls[0]!.id, value: { n: index } }]);
  }
  const ended = await Promise.all([...several, ...others].map((execution) => execution.done));
  expect(ended.map(({ result }) => result.stdout.text)).toEqual(Array.from({ length: 10 }, (_, n) => `${n}\n`));
  await executions.start(ann, program('pass')).then((execution) => execution.done);
});

it('ends when it is cancelled while it waits', async () => {
  const { executions } = await startSessions(engine);
  const execution = await executions.start(ann, program('await echo()'));
  await round(execution);
  execution.cancel();
  expect((await execution.done).result.outcome).toBe('cancelled');
});

it('refuses tools that code could not call', async () => {
  const { executions } = await startSessions(engine);
  const start = (more: Partial<ExecutionRequest>) => executions.start(ann, program('pass', more));
  const deep = (levels: number): object => (levels === 0 ? {} : { properties: { a: deep(levels - 1) } });
  const big = { type: 'object', description: 'x'.repeat(70_000) };
  for (const [refused, message] of [
    [{ tools: [{ name: '' }] }, /name/],
    [{ tools: [{ name: 'a\nb' }] }, /control/],
    [{ tools: [{ name: '数' }] }, /no letter/],
    [{ tools: [{ name: 'a-b' }, { name: 'a_b' }] }, /"a-b" and "a_b" would both be called a_b/],
    [{ tools: [{ name: 'a', parameters: { type: 'string' } }] }, /object/],
    [{ tools: [{ name: 'a', parameters: { properties: { x: { $ref: 'http://127.0.0.1/x' } } } }] }, /another document/],
    [{ tools: [{ name: 'a', parameters: deep(30) as Record<string, unknown> }] }, /deep/],
    [{ tools: [{ name: 'a', parameters: big }] }, /larger/],
    [{ tools: Array.from({ length: 201 }, (_, n) => ({ name: `t${n}` })) }, /at most 200/],
  ] as const)
    await expect(start(refused)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching(message),
    });
});
