import { legacyMcp, type McpClient, modernMcp, runOf } from '../test/support/mcp.ts';
import type { TestServer } from '../test/support/server.ts';
import { median, percentile, table } from './statistics.ts';

const rounds = 150;

/** What `run_code` costs over the same program by `POST /v1/exec`, and over the same cell by the native API, in turns. */
export async function mcpCalls(server: TestServer): Promise<void> {
  const post = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${server.url}/v1${path}`, {
      method: 'POST',
      headers: { 'x-api-key': server.key, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  };
  const { id } = (await post('/sessions', {})) as { id: string };
  const [legacy, modern] = [await legacyMcp(server), modernMcp(server)];
  const run = async (client: McpClient, more: object = {}) => {
    const result = await client.call('run_code', { code: 'print(42)', ...more });
    if (runOf(result).stdout !== '42\n') throw new Error(JSON.stringify(result));
  };
  const ways: Record<string, () => Promise<unknown>> = {
    'POST /v1/exec': () => post('/exec', { lang: 'py', code: 'print(42)' }),
    'POST /v1/sessions/{id}/executions': () =>
      post(`/sessions/${id}/executions`, { language: 'python', code: 'print(42)' }),
    'run_code, MCP session': () => run(legacy),
    'run_code, stateless, by handle': () => run(modern, { session_id: id }),
  };
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (let round = -10; round < rounds; round++)
    for (const [name, way] of Object.entries(ways)) {
      const started = performance.now();
      await way();
      if (round >= 0) times[name]!.push(performance.now() - started);
    }
  const [exec, cell] = [times['POST /v1/exec']!, times['POST /v1/sessions/{id}/executions']!].map(median) as [
    number,
    number,
  ];
  console.log('print(42), client included, milliseconds');
  table(
    ['way', 'p50', 'p95', 'over /v1/exec', 'over the same cell', 'promised'],
    Object.entries(times).map(([name, list]) => [
      name,
      median(list),
      percentile(list, 0.95),
      median(list) - exec,
      median(list) - cell,
      name.startsWith('run_code') ? '<= 3 over /v1/exec' : '',
    ]),
  );
}
