import { Sandbox } from '@e2b/code-interpreter';
import type { TestServer } from '../test/support/server.ts';
import { median, percentile, table } from './statistics.ts';

const rounds = 150;
const creates = 60;

/**
 * What E2B's `runCode` costs over the same cell by the native API, in turns, and what a sandbox costs until it is there. Both addresses
 * are told, so that nothing is sent to the client's vendor.
 */
export async function e2bCalls(server: TestServer): Promise<void> {
  const post = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${server.url}/v1${path}`, {
      method: 'POST',
      headers: { 'x-api-key': server.key, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  };
  const connection = { apiKey: server.key, apiUrl: server.url, sandboxUrl: server.url, validateApiKey: false };
  const { id } = (await post('/sessions', {})) as { id: string };
  const sandbox = await Sandbox.create(connection);
  const ways: Record<string, () => Promise<unknown>> = {
    'POST /v1/sessions/{id}/executions': () =>
      post(`/sessions/${id}/executions`, { language: 'python', code: 'print(42)' }),
    runCode: async () => {
      const { logs } = await sandbox.runCode('print(42)');
      if (logs.stdout.join('') !== '42\n') throw new Error(JSON.stringify(logs));
    },
  };
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (let round = -10; round < rounds; round++)
    for (const [name, way] of Object.entries(ways)) {
      const started = performance.now();
      await way();
      if (round >= 0) times[name]!.push(performance.now() - started);
    }
  await sandbox.kill();
  const made: number[] = [];
  for (let round = -5; round < creates; round++) {
    const started = performance.now();
    const one = await Sandbox.create(connection);
    if (round >= 0) made.push(performance.now() - started);
    await one.kill();
  }
  const cell = median(times['POST /v1/sessions/{id}/executions']!);
  console.log('print(42), client included, milliseconds');
  table(
    ['way', 'p50', 'p95', 'over the same cell', 'promised'],
    [
      ...Object.entries(times).map(([name, list]) => [
        name,
        median(list),
        percentile(list, 0.95),
        median(list) - cell,
        name === 'runCode' ? '<= 3 over the cell' : '',
      ]),
      ['Sandbox.create', median(made), percentile(made, 0.95), '', '<= 20'],
    ],
  );
}
