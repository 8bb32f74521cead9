// Our own client: a file goes in, code runs and calls a function of this program, and the file it makes comes back.
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Dragoman } from '@dragoman/client';

const dragoman = new Dragoman({ url: process.env.URL ?? 'http://127.0.0.1:8080', apiKey: process.env.KEY });

const session = await dragoman.sessions.create({ name: 'example' });
await session.files.put('cities.csv', 'city,people\nOslo,717710\nBergen,291940\n');

const code = `
import pandas as pd
cities = pd.read_csv("cities.csv")
cities["area"] = [await tools.area(city=name) for name in cities.city]
cities.to_csv("with-area.csv", index=False)
print("people per square kilometre:")
(cities.people / cities.area).round().tolist()
`;
const areas = { Oslo: 454, Bergen: 465 };
const execution = await session.start(
  { language: 'python', code },
  {
    tools: {
      area: {
        description: 'The area of a city in square kilometres',
        parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
        call: ({ city }) => areas[city],
      },
    },
  },
);
for await (const event of execution) {
  if (event.type === 'stdout') process.stdout.write(event.text);
  if (event.type === 'tool_call') console.log('asked for', event.call.input.city);
  if (event.type === 'result') console.log(event.bundle['text/plain']);
  if (event.type === 'error') console.error(event.error.traceback.join('\n'));
}

const { artifacts } = await execution.result();
for (const { path } of artifacts) {
  const { body } = await session.files.get(path);
  await pipeline(body, createWriteStream('with-area.csv'));
  console.log('saved', path);
}
await session.delete();
