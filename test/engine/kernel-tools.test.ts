import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ExecutionEvent } from '../../src/core/index.ts';
import { openFor } from '../support/cells.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

/** Runs a cell that may call `get-weather`, which knows the weather of every city but Atlantis. */
async function openWithWeather(language: string) {
  const session = await openFor(engine);
  return (code: string) => {
    const weather = [{ name: 'get-weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } }];
    const tools = engine.engine.tools(language, weather, 30_000, 'test');
    const onEvent = (event: ExecutionEvent) => {
      if (event.type !== 'tool_calls') return;
      tools.answer(
        event.calls.map(({ id, input }) =>
          input.city === 'Atlantis' ? { id, error: 'sunk' } : { id, value: { city: input.city, celsius: 5 } },
        ),
      );
    };
    return session.run(code, { language, tools, onEvent });
  };
}

it('a JavaScript cell calls tools', async () => {
  const run = await openWithWeather('javascript');
  expect(await run('const cities = ["Oslo", "Rome"]; 0')).toMatchObject({ value: '0' });
  const all =
    '(await Promise.all(cities.map((city) => tools.get_weather({ city })))).map(({ city, celsius }) => city + celsius)';
  expect(await run(all)).toMatchObject({ value: "[ 'Oslo5', 'Rome5' ]", interpreter: 'kept' });
  expect(await run('await tools["get-weather"]({ city: "Atlantis" })')).toMatchObject({
    exitCode: 1,
    error: { name: 'ToolExecutionError', value: 'sunk' },
  });
});

it('a Bash cell calls tools, and one that fails ends the cell alone', async () => {
  const run = await openWithWeather('bash');
  expect(await run(`x=5; get_weather '{"city": "Oslo"}' | jq -r .celsius`)).toMatchObject({ stdout: '5\n' });
  const failed = await run(`y=6; get_weather '{"city": "Atlantis"}'; echo not`);
  expect(failed).toMatchObject({ stdout: '', exitCode: 1, interpreter: 'kept', stderr: 'get-weather: sunk\n' });
  expect(await run('echo $x $y')).toMatchObject({ stdout: '5 6\n' });
});

it('a Python cell calls tools by their own names too, unless a variable has the name', async () => {
  const run = await openWithWeather('python');
  expect(await run('(await get_weather("Oslo"))["celsius"]')).toMatchObject({ value: '5' });
  const program =
    'import asyncio\nasync def main(): return await asyncio.gather(get_weather({"city": "Rome"}), get_weather(city="Bern"))\n[at["city"] for at in asyncio.run(main())]';
  expect(await run(program)).toMatchObject({ value: "['Rome', 'Bern']" });
  expect(await run('get_weather = 7')).toMatchObject({ exitCode: 0 });
  expect(await run('get_weather, (await tools.get_weather("Oslo"))["celsius"]')).toMatchObject({ value: '(7, 5)' });
});
