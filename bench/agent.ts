import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeOptions } from '../scripts/launch/run.mjs';
import { startServer } from '../test/support/server.ts';
import { type ScriptedUpstream, type Step, startUpstream } from '../test/support/upstream.ts';
import { timesRow as row, table } from './statistics.ts';

const answers = 60;
const rounds = 12;
/** Starts of each checkout, where two are compared. */
const turns = 5;

/**
 * What Dragoman adds between a model and a client, through `POST /v1/responses` of a real server, on one clock: the model and the client
 * are in this process. A round is from the last byte of the model's turn to the next question at the model, with code that takes no
 * time of its own; the first event, from the model's first token to the client's first delta, beside a process that only hands bytes on.
 * With the directory of another checkout, both are started in turns.
 */
export async function agent(here: string, other: string | undefined): Promise<void> {
  const times: ({ readonly directory: string } & Awaited<ReturnType<typeof agentTimes>>)[] = [];
  for (let turn = 0; turn < (other ? turns : 1); turn++)
    for (const directory of other ? [other, here] : [here]) times.push({ directory, ...(await agentTimes(directory)) });
  const all = (of: 'gaps' | 'firsts', whose: string) =>
    times.flatMap(({ directory, ...seen }) => (directory === whose ? seen[of] : []));
  console.log('A model behind Dragoman, milliseconds added');
  table(
    ['', 'p50', 'p95', 'promised'],
    [
      row('round of the loop', all('gaps', here), '<= 10'),
      ...(other ? [row('round of the loop, other', all('gaps', other), '')] : []),
      row('first event', all('firsts', here), '<= 5'),
      ...(other ? [row('first event, other', all('firsts', other), '')] : []),
      row(
        'first event through a bare proxy',
        times.flatMap(({ bare }) => bare),
        '',
      ),
    ],
  );
}

/** Milliseconds of each round, each first event, and each first event through a bare proxy. */
export async function agentTimes(directory: string) {
  const upstream = await startUpstream();
  const server = await startServer({
    command: [process.execPath, ...nodeOptions, join(directory, 'src/main.ts'), 'serve'],
    env: {
      DRAGOMAN_RATE_LIMITS: 'off',
      DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
      DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
      DRAGOMAN_UPSTREAM_MODEL: 'm',
      DRAGOMAN_AGENT_MAX_CALLS: '1000',
    },
  });
  const proxy = await startProxy(upstream.baseUrl);
  const ask = (body: object) => firstDelta(`${server.url}/v1/responses`, server.key, { input: 'hello', ...body });
  try {
    const firsts: number[] = [];
    const bare: number[] = [];
    for (let answer = 0; answer < answers; answer++) {
      firsts.push(await delay(upstream, () => ask({})));
      const body = { model: 'm', messages: [{ role: 'user', content: 'hello' }] };
      bare.push(await delay(upstream, () => firstDelta(`${proxy.url}/chat/completions`, '', body)));
    }
    upstream.reset();
    const tools = [{ type: 'code_interpreter', container: { type: 'auto' } }];
    upstream.say(...Array.from({ length: rounds }, (_, round): Step[] => [{ python: `x = ${round}` }]));
    upstream.always([{ text: 'done' }]);
    await ask({ tools });
    const { requests } = upstream;
    // The first round makes the session.
    const gaps = requests.slice(2).map(({ arrivedAt }, index) => arrivedAt - requests[index + 1]!.endedAt!);
    return { gaps, firsts, bare };
  } finally {
    proxy.stop();
    await server.stop();
    await upstream.close();
  }
}

async function startProxy(upstream: string) {
  const script = fileURLToPath(new URL('bare-proxy.ts', import.meta.url));
  const child = spawn(process.execPath, [script, upstream], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(child.stdout, 'data');
  return { url: `http://127.0.0.1:${String(port).trim()}`, stop: () => child.kill() };
}

/** From the model's first token to the client's. */
export async function delay(upstream: ScriptedUpstream, ask: () => Promise<number>): Promise<number> {
  upstream.reset();
  upstream.say([{ text: ['Hello', ' there'] }]);
  const heardAt = await ask();
  return heardAt - upstream.requests[0]!.firstTokenAt!;
}

/** Asks, reads to the end, and tells when the first delta of text came. @throws Error when none does */
export async function firstDelta(url: string, key: string, body: object): Promise<number> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ ...body, stream: true }),
  });
  let said = '';
  let heardAt: number | undefined;
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    said += chunk;
    if (/"(?:delta|content|text)":\s*"\w/.test(said)) heardAt ??= performance.now();
  }
  if (heardAt === undefined) throw new Error(`no text came: ${response.status} ${said.slice(0, 500)}`);
  return heardAt;
}
