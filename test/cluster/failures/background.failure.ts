import { expect, it, onTestFinished } from 'vitest';
import { describeCluster, note } from '../../support/cluster/for-file.ts';
import { RunCounter } from '../../support/cluster/run-counter.ts';
import { type ScriptedUpstream, startUpstream } from '../../support/upstream.ts';

const upstream: ScriptedUpstream = await startUpstream();
const gatewayEnv = {
  DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
  DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
  DRAGOMAN_UPSTREAM_MODEL: 'scripted-model',
};

interface WireEvent {
  readonly type: string;
  readonly sequence_number: number;
}

describeCluster('a background response', { gateways: 2, workers: 1, gatewayEnv }, (context) => {
  const call = async (gateway: number, method: string, path: string, body?: object) => {
    const { url } = context.live(context.cluster.gateways)[gateway]!;
    const response = await fetch(`${url}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${context.cluster.keys[0]}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(60_000),
    });
    return response;
  };

  /** The events of a response behind a number, until one of this type or to the end. */
  const events = async (gateway: number, id: string, after: number, until?: string): Promise<WireEvent[]> => {
    const answer = await call(gateway, 'GET', `/responses/${id}?stream=true&starting_after=${after}`);
    if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
    const { body } = answer;
    const seen: WireEvent[] = [];
    let unread = '';
    for await (const piece of body!.pipeThrough(new TextDecoderStream())) {
      unread += piece;
      for (let end = unread.indexOf('\n\n'); end >= 0; end = unread.indexOf('\n\n')) {
        const data = /^data: (.*)$/m.exec(unread.slice(0, end))?.[1];
        unread = unread.slice(end + 2);
        if (data !== undefined) seen.push(JSON.parse(data));
        if (until !== undefined && seen.at(-1)?.type === until) return seen;
      }
    }
    return seen;
  };

  for (const signal of ['SIGKILL', 'SIGSTOP'] as const)
    it(`goes on at another gateway after ${signal} of its own, by number, and its code is run once`, async () => {
      const counter = new RunCounter();
      onTestFinished(() => counter.close());
      upstream.reset();
      const code = `${counter.code}import time\nfor i in range(40):\n    time.sleep(0.1)\nprint(6 * 7)`;
      upstream.say([{ text: 'Let me see.' }, { python: code }], [{ text: 'Done.' }]);
      const tools = [{ type: 'code_interpreter', container: { type: 'auto' } }];
      const begun = await call(0, 'POST', '/responses', { input: 'x', background: true, tools });
      const { id } = (await begun.json()) as { id: string };
      const before = await events(1, id, -1, 'response.code_interpreter_call.interpreting');
      await expect.poll(() => counter.count, { timeout: 30_000 }).toBe(1);
      const [gateway] = context.live(context.cluster.gateways);
      gateway!.signal(signal);
      const other = signal === 'SIGKILL' ? 0 : 1;
      await expect.poll(() => context.live(context.cluster.gateways).length).toBe(signal === 'SIGKILL' ? 1 : 2);
      const rest = await events(other, id, before.at(-1)!.sequence_number);
      if (signal === 'SIGSTOP') gateway!.signal('SIGCONT');
      const all = [...before, ...rest];
      expect(all.map(({ sequence_number }) => sequence_number)).toEqual(all.map((_, index) => index));
      expect(rest.at(-1)!.type).toBe('response.completed');
      const answer = await call(other, 'GET', `/responses/${id}?include[]=code_interpreter_call.outputs`);
      const { output } = (await answer.json()) as { output: { type: string; status: string }[] };
      expect(output.map(({ type }) => type)).toEqual(['message', 'code_interpreter_call', 'message']);
      expect(counter.count).toBe(1);
      note(
        `gateway, ${signal}, a background response`,
        `goes on at the other gateway by number; its code: ${output[1]!.status}`,
        counter.count,
      );
      await gateway!.kill();
      await context.heal();
    });
});
