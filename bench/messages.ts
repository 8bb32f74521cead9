import { calls } from '../test/support/anthropic.ts';
import { startServer } from '../test/support/server.ts';
import { type Step, startUpstream } from '../test/support/upstream.ts';
import { delay, firstDelta } from './agent.ts';
import { timesRow as row, table } from './statistics.ts';

const answers = 60;
const rounds = 12;
/** Each kind of round is measured so often, in turn. */
const turns = 4;
const tools = [{ type: 'code_execution_20250825', name: 'code_execution' }];

/**
 * What Dragoman adds between a model and a client, through `POST /v1/messages` of a real server, on one clock, beside the same through
 * `POST /v1/responses`, taken alternately. A round is from the last byte of the model's turn to the next question at the model, with
 * code that takes no time of its own.
 */
export async function messages(): Promise<void> {
  const upstream = await startUpstream();
  const server = await startServer({
    env: {
      DRAGOMAN_RATE_LIMITS: 'off',
      DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
      DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
      DRAGOMAN_UPSTREAM_MODEL: 'm',
      DRAGOMAN_AGENT_MAX_CALLS: '1000',
    },
  });
  const asked = { model: 'm', max_tokens: 1000, messages: [{ role: 'user', content: 'hello' }] };
  const ask = (body: object) => firstDelta(`${server.url}/v1/messages`, server.key, { ...asked, ...body });
  const respond = (body: object = {}) =>
    firstDelta(`${server.url}/v1/responses`, server.key, { input: 'hello', ...body });
  try {
    const firsts: number[] = [];
    const others: number[] = [];
    for (let answer = 0; answer < answers; answer++) {
      firsts.push(await delay(upstream, () => ask({ tools })));
      others.push(await delay(upstream, respond));
    }
    const gapsOf = async (call: (round: number) => Step, start = () => ask({ tools })) => {
      upstream.reset();
      upstream.say(...Array.from({ length: rounds }, (_, round): Step[] => [call(round)]));
      upstream.always([{ text: 'done' }]);
      await start();
      const { requests } = upstream;
      // The first round makes the session.
      return requests.slice(2).map(({ arrivedAt }, index) => arrivedAt - requests[index + 1]!.endedAt!);
    };
    const python: number[] = [];
    const responses: number[] = [];
    const bash: number[] = [];
    const editor: number[] = [];
    for (let turn = 0; turn < turns; turn++) {
      python.push(...(await gapsOf((round) => calls.python(`x = ${round}`))));
      const container = { type: 'auto' };
      responses.push(
        ...(await gapsOf(
          (round) => ({ python: `x = ${round}` }),
          () => respond({ tools: [{ type: 'code_interpreter', container }] }),
        )),
      );
      bash.push(...(await gapsOf((round) => calls.bash(`: ${round}`))));
      const view = (round: number) => ({ command: 'view', path: '/etc/hostname', view_range: [1, round + 1] });
      editor.push(...(await gapsOf((round) => calls.editor(view(round)))));
    }
    console.log('A model behind the Messages API, milliseconds added');
    table(
      ['', 'p50', 'p95', 'promised'],
      [
        row('first event', firsts, '<= 5'),
        row('first event of a response', others, ''),
        row('round of the loop, Python', python, '<= 10'),
        row('round of a response', responses, ''),
        row('round of the loop, Bash', bash, ''),
        row('round of the loop, editor', editor, ''),
      ],
    );
  } finally {
    await server.stop();
    await upstream.close();
  }
}
