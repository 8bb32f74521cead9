import { readFileSync } from 'node:fs';
import type { TestServer } from '../test/support/server.ts';
import { post } from './lean-client.ts';
import { median, table } from './statistics.ts';

const MiB = 1024 * 1024;
const rounds = 100;
const tools = [{ name: 'echo', parameters: { type: 'object', properties: { n: { type: 'integer' } } } }];

interface Answer {
  readonly status: string;
  readonly continuation_token: string;
  readonly tool_calls: readonly { readonly id: string; readonly input: unknown }[];
  readonly stdout: string;
}

const programs = {
  python: {
    sequence: `for n in range(${rounds}): await echo(n=n)`,
    parallel: 'for _ in range(10): await asyncio.gather(*[echo(n=n) for n in range(20)])',
  },
  bash: {
    sequence: `for n in $(seq ${rounds}); do echo_tool "{\\"n\\":$n}" > /dev/null; done`,
    parallel: 'for _ in 1 2 3 4 5; do for n in $(seq 20); do echo_tool "{\\"n\\":$n}" > /dev/null & done; wait; done',
  },
  javascript: {
    sequence: `for (let n = 0; n < ${rounds}; n++) await tools.echo({ n });`,
    parallel:
      'for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 20 }, (_, n) => tools.echo({ n })));',
  },
};

/** Of a server on which so many programs may wait. */
export const toolLimits = { DRAGOMAN_TOOL_EXECUTIONS: '100000', DRAGOMAN_QUEUE: '100000' };

/** What a round of tool calls costs over HTTP when the client answers at once, and what a program that waits holds. */
export async function toolCalls(server: TestServer, parked = 1000): Promise<void> {
  const post = poster(server);
  const rows = [];
  for (const [lang, { sequence, parallel }] of Object.entries(programs)) {
    await drive(post, { lang, code: sequence, tools });
    const one = await drive(post, { lang, code: sequence, tools });
    const many = await drive(post, { lang, code: parallel, tools });
    rows.push([lang, median(one.times), '<= 5', median(many.times), Math.max(...many.sizes), Math.min(...many.sizes)]);
  }
  console.log('A round of tool calls over HTTP, client included, milliseconds');
  table(['language', 'one call p50', 'promised', '20 calls p50', 'calls, most', 'calls, fewest'], rows);
  await park(server, post, parked);
}

function poster(server: TestServer) {
  const url = `${server.url}/v1/exec/programmatic`;
  // With `fetch` a third of a round would be the client's own.
  return async (body: object) => JSON.parse((await post(url, server.key, JSON.stringify(body))).text) as Answer;
}

/** Milliseconds of each round of a Python program that calls one tool after another. */
export async function toolRounds(server: TestServer): Promise<number[]> {
  const program = { lang: 'python', code: programs.python.sequence, tools };
  await drive(poster(server), program);
  return (await drive(poster(server), program)).times;
}

/** Runs a program to its end: the time each continuation took, and the calls of each round. */
async function drive(post: (body: object) => Promise<Answer>, program: object) {
  const times: number[] = [];
  const sizes: number[] = [];
  let answer = await post(program);
  while (answer.status === 'tool_call_required') {
    sizes.push(answer.tool_calls.length);
    const { continuation_token } = answer;
    const tool_results = answer.tool_calls.map(({ id, input }) => ({ call_id: id, result: input }));
    const started = performance.now();
    answer = await post({ continuation_token, tool_results });
    times.push(performance.now() - started);
  }
  if (answer.status !== 'completed') throw new Error(JSON.stringify(answer));
  return { times: times.slice(0, -1), sizes };
}

/** Many programs waiting at once, each of which then answers. */
async function park(server: TestServer, post: (body: object) => Promise<Answer>, count: number): Promise<void> {
  const before = available();
  const waiting: Answer[] = [];
  const started = performance.now();
  for (let begun = 0; begun < count; begun += 20)
    waiting.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(20, count - begun) }, (_, n) =>
          post({ code: `print((await echo(n=${begun + n}))["n"])`, tools }),
        ),
      )),
    );
  const seconds = (performance.now() - started) / 1000;
  const asked = waiting.filter(({ status }) => status === 'tool_call_required').length;
  const each = (before - available()) / count / MiB;
  const times: number[] = [];
  let right = 0;
  for (const [n, { continuation_token, tool_calls }] of waiting.entries()) {
    const resumed = performance.now();
    const { stdout } = await post({
      continuation_token,
      tool_results: tool_calls?.map(({ id, input }) => ({ call_id: id, result: input })),
    });
    times.push(performance.now() - resumed);
    if (stdout === `${n}\n`) right++;
  }
  console.log(`\nPrograms that wait for their client at once: ${count} (server ${server.pid})`);
  table(
    ['waiting', 'begun in s', 'MiB each', 'answered right', 'to the end p50 ms'],
    [[asked, seconds, each, right, median(times)]],
  );
}

/** Memory the machine has left, in bytes. */
function available(): number {
  return Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))![1]) * 1024;
}
