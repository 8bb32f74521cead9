import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ToolCall, ToolDefinition } from '../../src/core/index.ts';
import { SchemaChecker } from '../../src/engine/tools/index.ts';
import { startEngine, type TestEngine, type ToolRunOptions } from '../support/engine.ts';
import { echo } from '../support/tools.ts';
import { attacking, expectHeld, hostile } from './attack.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const strict: ToolDefinition = { name: 'strict', parameters: { type: 'object', additionalProperties: false } };

/** Runs a hostile program with tools, then an honest one, whose calls must come out right. */
async function attack(path: string, options: Partial<ToolRunOptions> = {}) {
  const { language, code } = hostile(path);
  const answer = ({ input }: ToolCall) => input;
  const run = await engine.runWithTools(language, code, { tools: [echo, strict], answer, ...options });
  const honest = await engine.runWithTools('python', 'print(await echo(n=42))', { tools: [echo], answer });
  expect(honest).toMatchObject({ outcome: 'completed', stdout: "{'n': 42}\n" });
  return run;
}

describe('the tool channel', attacking('tools'), () => {
  it('offers every process the tools of its request, and nothing else', async () => {
    const run = await attack('tools/speak.py');
    expect(run).toMatchObject({ outcome: 'completed', stderr: '' });
    expect(run.stdout.split('\n')).toEqual([
      "nothing b''",
      "no size b''",
      "negative b''",
      "endless head b''",
      expect.stringMatching(/^huge b'error \d+\\nthe input is larger/),
      "larger than it says b''",
      "not registered b'error 21\\nthere is no such tool'",
      "name of another case b'error 21\\nthere is no such tool'",
      expect.stringMatching(/^not UTF-8 b'error \d+\\nthe call is not UTF-8'/),
      expect.stringMatching(/^input not UTF-8 b'error \d+\\nthe call is not UTF-8'/),
      expect.stringMatching(/^not JSON b'error \d+\\nthe input is not valid JSON'/),
      expect.stringMatching(/^a list b'error \d+\\nthe input must be a JSON object'/),
      expect.stringMatching(/^deep b'error \d+\\nthe input has too many values, or too deep ones'/),
      expect.stringMatching(/^deep lists b'error \d+\\nthe input has too many values, or too deep ones'/),
      expect.stringMatching(/^many values b'error \d+\\nthe input has too many values, or too deep ones'/),
      expect.stringMatching(/^prototype b'error \d+\\ninvalid input: /),
      `child b'ok 16\\n{"from":"child"}'`,
      `right b'ok 18\\n{"from":"the end"}'`,
      '',
    ]);
    for (const calls of run.rounds) for (const { name } of calls) expect(name).toBe('echo');
  });

  it('cannot be reached from its other side', async () => {
    const run = await attack('tools/forge.py');
    expectHeld(run);
    expect(run.rounds).toEqual([]);
  });

  it('holds a flood of calls, of sockets and of processes to the limits', async () => {
    const flood = `
import socket, threading, os
def speak():
    while True:
        try:
            with socket.create_connection(("127.0.0.1", 10711), 1) as s: s.sendall(b"echo\\n1000000\\n" + b"x" * 1000000); s.recv(1)
        except OSError: pass
for n in range(3):
    if os.fork() == 0: break
for n in range(8): threading.Thread(target=speak).start()`;
    const run = await engine.runWithTools('python', flood, {
      tools: [echo],
      answer: () => 1,
      limits: { wallMs: 4000 },
    });
    expect(['timed_out', 'killed', 'completed', 'out_of_memory']).toContain(run.outcome);
    expect(run.rounds.flat()).toEqual([]);
  });

  it('is shut when the program is over, also for what it left behind', async () => {
    const session = await engine.openSession();
    try {
      const tools = engine.engine.tools('python', [echo], 10_000, 'test');
      const leave = `import os, time
if os.fork() == 0:
    import asyncio
    time.sleep(0.3)
    try: asyncio.run(tools.echo(n=1))
    except Exception as e: open("said.txt", "w").write(str(e))
    os._exit(0)`;
      const calls: unknown[] = [];
      await session.run(leave, { tools, onEvent: (event) => event.type === 'tool_calls' && calls.push(event) });
      await session.run('while not (os.path.exists("said.txt") and open("said.txt").read()): time.sleep(0.05)');
      expect(await session.run('open("said.txt").read()')).toMatchObject({ value: "'there is no such tool'" });
      expect(calls).toEqual([]);
    } finally {
      await session.close();
    }
  });

  it('lets answers be huge, many and late without loss', async () => {
    const run = await engine.runWithTools(
      'python',
      'r = await asyncio.gather(*[echo(n=n) for n in range(8)])\nprint([len(x) for x in r])\nr = None\ntry: await asyncio.wait_for(echo(n=9), 0.01)\nexcept TimeoutError: print("gave up")',
      { tools: [echo], answer: () => 'x'.repeat(4_500_000) },
    );
    expect(run.stdout).toMatch(/^\[(?:4500000, ){7}4500000\]\n/);
  });
});

describe('schemas of strangers', attacking('tools'), () => {
  const nested = {
    $defs: {
      a: { anyOf: [{ properties: { x: { $ref: '#/$defs/a' } } }, { properties: { x: { $ref: '#/$defs/a' } } }] },
    },
  };
  const schemas: [string, Record<string, unknown>, string][] = [
    [
      'a pattern that backtracks',
      { properties: { x: { type: 'string', pattern: '^(a+)+$' } } },
      'echo(x="a" * 40 + "!")',
    ],
    [
      'a recursion that branches',
      { ...nested, allOf: [{ $ref: '#/$defs/a' }, { not: {} }] },
      'echo(x=__import__("functools").reduce(lambda v, _: {"x": v}, range(40), 1))',
    ],
    ['a reference to itself', { $defs: { a: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' }, 'echo(x=1)'],
  ];

  it.each(schemas)('cost their own program an error: %s', async (_, parameters, call) => {
    const code = `try: print("ran", await ${call})\nexcept ToolExecutionError as error: print("error", error)\nprint(await plain(n=1))`;
    const tool = { name: 'echo', parameters: { type: 'object', additionalProperties: true, ...parameters } };
    const started = performance.now();
    const run = await engine.runWithTools('python', code, {
      tools: [tool, { ...echo, name: 'plain' }],
      answer: () => 7,
    });
    expect(run.stdout).toMatch(/^(?:error .*|ran 7)\n7\n$/);
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  it('hold up other owners for the time of one check, and no more', async () => {
    const checker = new SchemaChecker(200);
    const slow = () =>
      checker
        .check('ann', { properties: { x: { pattern: '^(a+)+$' } } }, { x: `${'a'.repeat(40)}!` })
        .catch(() => 'slow');
    const order: string[] = [];
    const flood = Array.from({ length: 20 }, () => slow().then(() => order.push('ann')));
    const quick = checker.check('bob', { type: 'object', required: ['y'] }, {}).then((verdict) => {
      order.push('bob');
      return verdict;
    });
    expect(await quick).toMatch(/"y"/);
    expect(order.filter((owner) => owner === 'ann').length).toBeLessThanOrEqual(1);
    // From now on ann has a thread of her own kind: bob no longer waits for one that is started again.
    expect(await checker.check('bob', { type: 'object' }, {})).toBeNull();
    await checker.close();
    await Promise.all(flood);
    await expect(checker.check('bob', {}, {})).rejects.toThrow();
  });
});
