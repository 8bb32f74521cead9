import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExecutionEvent, ToolCall } from '../../src/core/index.ts';
import { answered, startEngine, type TestEngine } from '../support/engine.ts';
import { echo, weather } from '../support/tools.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const tools = [weather, echo];
const reading = ({ input }: ToolCall) => ({ city: input.city, celsius: 5, sky: ['clouds', null, true, '雨'] });

describe('a Python program', () => {
  const run = (code: string, options = {}) =>
    engine.runWithTools('python', code, { tools, answer: reading, ...options });

  it('calls a tool and goes on with its value', async () => {
    const ended = await run('x = await get_weather(city="Oslo", days=2)\nprint(x["city"], x["sky"], type(x).__name__)');
    expect(ended).toMatchObject({ stdout: "Oslo ['clouds', None, True, '雨'] dict\n", stderr: '', exitCode: 0 });
    expect(ended.rounds).toEqual([[{ id: 'call_001', name: 'get-weather', input: { city: 'Oslo', days: 2 } }]]);
  });

  it('has all that it began in one round', async () => {
    const ended = await run(`
cities = await asyncio.gather(*[get_weather(city=str(n)) for n in range(20)])
print(",".join(c["city"] for c in cities))
task = asyncio.create_task(get_weather(city="later"))
print((await get_weather("now"))["city"], (await task)["city"])`);
    expect(ended.stdout).toBe(`${Array.from({ length: 20 }, (_, n) => n).join(',')}\nnow later\n`);
    expect(ended.rounds.map((calls) => calls.length)).toEqual([20, 2]);
  });

  it('has calls of several threads in one round', async () => {
    const ended = await run(`
import threading
def work(n): print(asyncio.run(get_weather(city=str(n)))["city"])
threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
for thread in threads: thread.start()
for thread in threads: await asyncio.to_thread(thread.join)`);
    expect(ended.stdout.split('\n').sort().join('')).toBe('01234');
    expect(ended.rounds.map((calls) => calls.length)).toEqual([5]);
  });

  it('sees the parameters of a tool, and hears of a call that it never awaited', async () => {
    const ended = await run(
      'import inspect\nprint(inspect.signature(get_weather), inspect.signature(echo))\nrows = [get_weather(city="Oslo")]\nawait get_weather("Rome")',
    );
    expect(ended.stdout).toBe('(city, days=None, units=None) (**named)\n');
    expect(ended.stderr).toBe("RuntimeWarning: coroutine 'get_weather' was never awaited\n");
    expect(ended.rounds).toHaveLength(1);
  });

  it('calls as often as it may, and is told when it may no more', async () => {
    const ended = await run(`
for n in range(200): assert (await get_weather(city=str(n)))["city"] == str(n)
try: await get_weather(city="one more")
except ToolExecutionError as error: print(error)`);
    expect(ended.stderr).toBe('');
    expect(ended.stdout).toBe('too many tool calls: one execution may make 200\n');
    expect(ended.rounds).toHaveLength(200);
  });

  it('catches what a tool throws, or ends with it and its own line', async () => {
    const answer = () => {
      throw new Error('no such city');
    };
    const code = `
try: await get_weather(city="x")
except ToolExecutionError as error: print("caught:", error, isinstance(error, Exception))
results = await asyncio.gather(get_weather(city="a"), get_weather(city="b"), return_exceptions=True)
print([type(r).__name__ for r in results])
text = """two
    lines"""
await get_weather(city=text)
print("never")`;
    const ended = await run(code, { answer });
    expect(ended).toMatchObject({ exitCode: 1, outcome: 'completed' });
    expect(ended.stdout).toBe("caught: no such city True\n['ToolExecutionError', 'ToolExecutionError']\n");
    expect(ended.stderr).toBe(`Traceback (most recent call last):
  File "/mnt/data/main.py", line 8, in <module>
    await get_weather(city=text)
ToolExecutionError: no such city
`);
    expect(ended.rounds.at(-1)![0]!.input).toEqual({ city: 'two\n    lines' });
  });

  it('learns at once what its own arguments lack, and the caller is not asked', async () => {
    const ended = await run(`
for call in (lambda: get_weather(), lambda: get_weather(town="x"), lambda: get_weather(city=7), lambda: get_weather(city="x", units="K"),
             lambda: get_weather(city="x", days=float("nan"))):
    try: await call()
    except Exception as error: print(type(error).__name__, error)`);
    expect(ended.rounds).toEqual([]);
    expect(ended.stdout.split('\n')).toEqual([
      "TypeError get_weather() missing required arguments: 'city'",
      "TypeError get_weather() got an unexpected keyword argument 'town'",
      expect.stringMatching(/^ToolExecutionError invalid input: city: .*string/),
      expect.stringMatching(/^ToolExecutionError invalid input: units: .*any of/),
      expect.stringMatching(/^TypeError the arguments are not JSON: .*JSON compliant/),
      '',
    ]);
  });

  it('leaves out what is None, takes the input as one object, and names that are no identifiers', async () => {
    const ended = await run(`
await get_weather("a", None, units=None)
await get_weather({"city": "b", "days": 1})
await echo(**{"if": 1, "a-b": [2]})
await tools["get-weather"](city="c")`);
    expect(ended.stderr).toBe('');
    expect(ended.rounds.map(([call]) => call!.input)).toEqual([
      { city: 'a' },
      { city: 'b', days: 1 },
      { if: 1, 'a-b': [2] },
      { city: 'c' },
    ]);
  });

  it('returns from its body, leaves with a status, and is wrong where it is wrong', async () => {
    expect(
      await run(
        'async def f():\n  return await get_weather(city="x")\nif (await f()): \n  print(1)\n  return\nprint(2)',
      ),
    ).toMatchObject({
      stdout: '1\n',
      exitCode: 0,
    });
    expect(await run('await get_weather(city="x")\nsys.exit(7)')).toMatchObject({ exitCode: 7 });
    expect((await run('x = 1\nif x\n  pass')).stderr).toMatch(
      /File "\/mnt\/data\/main.py", line 2\n[\s\S]*SyntaxError/,
    );
    expect((await run('import asyncio\nasyncio.run(get_weather(city="x"))')).stderr).toMatch(
      'cannot be called from a running event loop',
    );
  });

  it('makes files, reads inputs and has a library at hand', async () => {
    const ended = await run(
      'import pandas as pd\npd.DataFrame([await get_weather(city="x")]).to_csv("out.csv")\nopen("n", "w").write("1")',
    );
    expect(ended.stderr).toBe('');
    expect(Object.keys(ended.files)).toEqual(['n', 'out.csv']);
  });

  it('takes large results and gives large input', async () => {
    const ended = await run('x = await echo(text="ä" * 400_000)\nprint(len(x), x[0], x[-1])', {
      answer: ({ input }: ToolCall) => `${(input.text as string).length}${'数'.repeat(1_600_000)}!`,
    });
    expect(ended).toMatchObject({ stdout: '1600007 4 !\n', stderr: '' });
    const tooLarge = await run('try: await echo(text="x" * 1_100_000)\nexcept ToolExecutionError as e: print(e)');
    expect(tooLarge).toMatchObject({ stdout: 'the input is larger than 1048576 bytes\n', rounds: [] });
  });

  it('gives up a call and goes on with others', async () => {
    const ended = await run(
      `
async def first():
    done, others = await asyncio.wait([asyncio.create_task(get_weather(city=c)) for c in "ab"], return_when=asyncio.FIRST_COMPLETED)
    for other in others: other.cancel()
    return done.pop().result()["city"]
print(await first(), (await get_weather(city="c"))["city"])`,
      {
        onRound: (calls: readonly ToolCall[], broker: { answer(results: unknown): void }) =>
          broker.answer([answered(calls[0]!, reading)]),
      },
    );
    expect(ended).toMatchObject({ stdout: 'a c\n', stderr: '' });
    expect(ended.rounds.map((calls) => calls.map(({ input }) => input.city))).toEqual([['a', 'b'], ['c']]);
  });
});

describe('a bash program', () => {
  const run = (code: string, options = {}) => engine.runWithTools('bash', code, { tools, answer: reading, ...options });

  it('calls tools bare, in substitutions, pipelines and the background, under strict modes', async () => {
    const ended = await run(`: &
wait "$!"
set -euo pipefail
get_weather '{"city":"bare"}'
x=$(get_weather '{"city":"substituted"}')
echo "$x" | jq -r .city
get_weather '{"city": "pi\\"ped", "days": 3}' | jq -c '.sky, .city'
for n in $(seq 20); do { y=$(get_weather "{\\"city\\":\\"$n\\"}"); printf '%s\\n' "$y" > "$n.json"; } & done
wait
cat *.json | jq -r .city | sort -n | tr '\\n' ' '
echo
echo > empty`);
    expect(ended.stderr).toBe('');
    expect(ended.stdout.split('\n')).toEqual([
      '{"city":"bare","celsius":5,"sky":["clouds",null,true,"雨"]}',
      'substituted',
      '["clouds",null,true,"雨"]',
      '"pi\\"ped"',
      `${Array.from({ length: 20 }, (_, n) => n + 1).join(' ')} `,
      '',
    ]);
    expect(ended.rounds.map((calls) => calls.length)).toEqual([1, 1, 1, 20]);
    expect(Object.keys(ended.files)).toHaveLength(21);
  });

  it('has fifty pipelines in the background travel as one round', async () => {
    const ended = await run(
      `for n in $(seq 50); do get_weather "{\\"city\\":\\"$n\\"}" | jq -r .city > "/tmp/$n" & done; wait; cat /tmp/[0-9]* | wc -l`,
    );
    expect(ended).toMatchObject({ stdout: '50\n', stderr: '', exitCode: 0 });
    expect(ended.rounds.map((calls) => calls.length)).toEqual([50]);
  });

  it('gives a tool that it exports to the shells of others', async () => {
    const ended = await run(
      `export -f get_weather; printf '%s\\n' Oslo Rome | xargs -P2 -I{} bash -c 'get_weather "{\\"city\\":\\"{}\\"}" | jq -r .city' | sort`,
    );
    expect(ended).toMatchObject({ stdout: 'Oslo\nRome\n', stderr: '', exitCode: 0 });
    expect(ended.rounds.map((calls) => calls.length)).toEqual([2]);
  });

  it('ends with the first call that fails, also inside of a substitution', async () => {
    const answer = () => {
      throw new Error('no such\ncity');
    };
    for (const code of [
      'echo before; get_weather \'{"city":"x"}\'; echo never',
      'echo before; y=$(get_weather \'{"city":"x"}\'); echo never',
      'echo before; get_weather \'{"city":"x"}\' | cat; echo never',
      "echo before; get_weather 'not json'; echo never",
      'echo before; y="$(get_weather "[1]")" || true; echo never',
    ]) {
      const ended = await run(code, { answer });
      expect(ended.stdout).toBe('before\n');
      expect(ended.stderr).toMatch(/^get-weather: (?:no such\ncity|the input .*|invalid input: .*)\n$/);
      expect(ended).toMatchObject({ exitCode: 1, signal: null });
    }
  });

  it('takes values of every kind and size, and an input that was left out', async () => {
    const values = ['text', 'mehr "Text"\n', '雨'.repeat(1_600_000), 7.5, null, [], { a: { b: 1 } }];
    for (const value of values) {
      const ended = await run('v=$(echo_tool); printf %s "$v" | sha256sum; printf %s "$v" | jq -c "type"', {
        answer: () => value,
      });
      expect(ended.stderr).toBe('');
      expect(ended.rounds[0]![0]!.input).toEqual({});
      const { createHash } = await import('node:crypto');
      expect(ended.stdout).toContain(createHash('sha256').update(JSON.stringify(value)).digest('hex'));
    }
  });

  it('keeps its line numbers, its options and its variables', async () => {
    const ended = await run(
      'IFS=,\nset -f\nx=$(get_weather \'{"city":"*"}\')\necho "$- $IFS $BASH_ENV $LINENO"\nno_such_command',
    );
    expect(ended.stdout).toBe('fhB ,  4\n');
    expect(ended.stderr).toMatch(/script\.sh: line 5: no_such_command: command not found/);
    expect(ended.exitCode).toBe(127);
  });
});

it.each([
  [
    'python',
    'import sys\nprint(sys.argv[1:], input(), (await get_weather("Oslo"))["city"])',
    "['a b', 'c'] typed Oslo\n",
  ],
  ['bash', 'read -r line; echo "$# $1 $line $(get_weather \'{"city":"Oslo"}\' | jq -r .city)"', '2 a b typed Oslo\n'],
  [
    'javascript',
    'const line = require("fs").readFileSync(0, "utf8").trim();\nconsole.log(process.argv.slice(2), line, (await tools.get_weather({ city: "Oslo" })).city)',
    "[ 'a b', 'c' ] typed Oslo\n",
  ],
])('a %s program has its arguments and its input', async (language, code, stdout) => {
  const options = { tools, answer: reading, args: ['a b', 'c'], stdin: 'typed\n' };
  expect(await engine.runWithTools(language, code, options)).toMatchObject({ stdout, stderr: '', exitCode: 0 });
});

describe.each(['javascript', 'typescript'])('a %s program', (language) => {
  it('calls tools, many at once, and catches their errors', async () => {
    const ended = await engine.runWithTools(
      language,
      `const one = await tools.get_weather({ city: 'Oslo', days: 1 });
console.log(one.city, one.sky);
const all = await Promise.all(Array.from({ length: 20 }, (_, n) => tools['get-weather']({ city: String(n) })));
console.log(all.map(({ city }) => city).join());
try { await tools.get_weather({ town: 'x' }) } catch (error) { console.log(error.name, error instanceof ToolExecutionError) }
throw await tools.echo({}).catch((error) => error.message);`,
      {
        tools,
        answer: (call) => {
          if (call.name === 'echo') throw new Error('echo failed');
          return reading(call);
        },
      },
    );
    expect(ended.stdout).toBe(
      `Oslo [ 'clouds', null, true, '雨' ]\n${Array.from({ length: 20 }, (_, n) => n).join()}\nToolExecutionError true\n`,
    );
    expect(ended.stderr).toContain('echo failed');
    expect(ended.exitCode).toBe(1);
    expect(ended.rounds.map((calls) => calls.length)).toEqual([1, 20, 1]);
  });

  it('fails where it called the tool that failed', async () => {
    const answer = () => {
      throw new Error('echo failed');
    };
    const ended = await engine.runWithTools(language, 'const x = 1;\nawait tools.echo({});', { tools, answer });
    expect(ended.stderr).toMatch(/ToolExecutionError: echo failed\n {4}at .*index\.js:2:13|main\.ts:2:13/);
    expect(ended.stderr).not.toContain('/opt/dragoman');
    expect(ended.exitCode).toBe(1);
  });
});

describe('a cell of a live session', () => {
  it('calls tools, and its names are there for the next cell', async () => {
    const session = await engine.openSession();
    try {
      const run = async (code: string, answer: (call: ToolCall) => unknown = reading) => {
        const broker = engine.engine.tools('python', tools, 30_000, 'test');
        const rounds: number[] = [];
        const onEvent = (event: ExecutionEvent) => {
          if (event.type !== 'tool_calls') return;
          rounds.push(event.calls.length);
          broker.answer(event.calls.map((call) => answered(call, answer)));
        };
        return { ...(await session.run(code, { tools: broker, onEvent })), rounds };
      };
      expect(await run('import asyncio\nx = await tools.get_weather(city="Oslo")\nx["city"]')).toMatchObject({
        value: "'Oslo'",
        interpreter: 'kept',
        rounds: [1],
      });
      const all = 'len(await asyncio.gather(*[tools["get-weather"](city=x["city"] + str(n)) for n in range(20)]))';
      expect(await run(all)).toMatchObject({ value: '20', rounds: [20] });
      const failed = await run('await tools.echo(a=1)', () => {
        throw new Error('not today');
      });
      expect(failed).toMatchObject({ exitCode: 1, error: { name: 'ToolExecutionError', value: 'not today' } });
      expect(failed.error!.traceback.join('\n')).not.toContain('dragoman');
      // The names last, the permission does not.
      expect(await session.run('await tools.echo(a=1)')).toMatchObject({ error: { value: 'there is no such tool' } });
      expect(await session.run('x["celsius"]')).toMatchObject({ value: '5' });
    } finally {
      await session.close();
    }
  });

  it('that waits is interrupted, and its names survive', async () => {
    const session = await engine.openSession();
    try {
      const broker = engine.engine.tools('python', tools, 30_000, 'test');
      const told = Promise.withResolvers<void>();
      await session.run('y = 2');
      const cell = session.start('await tools.echo(a=y)', { tools: broker, onEvent: () => told.resolve() });
      await told.promise;
      expect(broker.pending).toHaveLength(1);
      cell.interrupt();
      expect(await cell.done).toMatchObject({
        outcome: 'completed',
        interpreter: 'kept',
        error: { name: 'KeyboardInterrupt' },
      });
      expect(broker.pending).toEqual([]);
      expect(() => broker.answer([{ id: 'call_001', value: 1 }])).toThrow(/has ended/);
      expect(await session.run('y')).toMatchObject({ value: '2' });
    } finally {
      await session.close();
    }
  });
});

describe.each([
  ['javascript', '(await Promise.all([tools.echo({ n: 1 }), tools.echo({ n: 2 })])).length', '2'],
  ['bash', 'for n in 1 2; do echo_tool "{\\"n\\":$n}" > $n & done; wait; cat 1 2 | jq -c .n', '1\n2\n'],
])('a %s cell', (language, code, shown) => {
  it('calls tools of the caller, and outlives their errors', async () => {
    const session = await engine.openSession();
    try {
      const broker = () => engine.engine.tools(language, tools, 30_000, 'test');
      const first = broker();
      const rounds: number[] = [];
      const ended = await session.run(code, {
        language,
        tools: first,
        onEvent: (event) => {
          if (event.type !== 'tool_calls') return;
          rounds.push(event.calls.length);
          first.answer(event.calls.map((call) => ({ id: call.id, value: call.input })));
        },
      });
      expect(rounds).toEqual([2]);
      expect([ended.value, ended.stdout]).toContain(shown);
      const failing = broker();
      const failed = await session.run(
        language === 'bash' ? 'kept=1; x=$(echo_tool)' : 'var kept = 1; await tools.echo()',
        {
          language,
          tools: failing,
          onEvent: (event) => {
            if (event.type === 'tool_calls') failing.answer([{ id: 'call_001', error: 'not today' }]);
          },
        },
      );
      expect(failed).toMatchObject({ exitCode: 1, interpreter: 'kept' });
      expect(failed.stderr).toContain('not today');
      expect(await session.run(language === 'bash' ? 'echo $kept' : 'console.log(kept)', { language })).toMatchObject({
        stdout: '1\n',
      });
    } finally {
      await session.close();
    }
  });
});

describe('waiting', () => {
  const limits = { wallMs: 2000 };

  it('costs neither time nor cpu', async () => {
    const ended = await engine.runWithTools(
      'python',
      'import threading, time\nthreading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()\nawait get_weather(city="x")\nprint("done")',
      {
        tools,
        limits: { wallMs: 3000 },
        onRound: (calls, broker) => setTimeout(() => broker.answer([answered(calls[0]!, reading)]), 4000),
      },
    );
    expect(ended).toMatchObject({ outcome: 'completed', stdout: 'done\n' });
    expect(ended.usage.wallMs).toBeLessThan(3000);
    expect(ended.usage.cpuMs).toBeLessThan(3000);
  });

  it('does not add to the time for computing', async () => {
    const ended = await engine.runWithTools('python', 'await get_weather(city="x")\nprint("on")\nwhile True: pass', {
      tools,
      limits,
      answer: reading,
    });
    expect(ended).toMatchObject({ outcome: 'timed_out', stdout: 'on\n' });
  });

  it('ends when its calls stay unanswered, or when the caller leaves', async () => {
    const code = 'print("asks")\nawait get_weather(city="x")\nprint("never")';
    const onRound = () => {};
    expect(await engine.runWithTools('python', code, { tools, onRound, waitMs: 200 })).toMatchObject({
      outcome: 'cancelled',
      stdout: 'asks\n',
    });
    const caller = new AbortController();
    expect(
      await engine.runWithTools('python', code, { tools, onRound: () => caller.abort(), signal: caller.signal }),
    ).toMatchObject({
      outcome: 'cancelled',
      stdout: 'asks\n',
    });
  });

  it('goes on when some calls are answered, and asks again for the others', async () => {
    const ended = await engine.runWithTools(
      'python',
      `tasks = [asyncio.create_task(get_weather(city=c)) for c in "abc"]
while tasks:
    done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done: print(task.result()["city"])`,
      {
        tools,
        onRound: (calls, broker) => {
          const last = [answered(calls.at(-1)!, reading)];
          broker.answer(last);
          broker.answer(last);
          expect(() => broker.answer([{ id: calls.at(-1)!.id, value: 'else' }])).toThrow(/otherwise/);
          expect(() => broker.answer([{ id: 'call_999', value: 1 }])).toThrow(/no tool call/);
          expect(() => broker.answer([answered(calls[0]!, reading), answered(calls[0]!, reading)])).toThrow(
            calls.length > 1 ? /twice/ : /twice|otherwise/,
          );
        },
      },
    );
    expect(ended.stdout).toBe('c\nb\na\n');
    expect(ended.rounds.map((calls) => calls.length)).toEqual([3, 2, 1]);
  });
});
