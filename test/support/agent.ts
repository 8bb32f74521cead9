import { type Agent, type AgentEvent, type AgentRequest, createAgent } from '../../src/agent/index.ts';
import { type Plan, usualWallMs } from '../../src/core/index.ts';
import type { Executions } from '../../src/service/index.ts';
import { createUpstreams, type UpstreamOptions } from '../../src/upstreams/index.ts';
import { noRates, plansWith } from './http.ts';
import { ann } from './sessions.ts';

export interface TestAgentOptions {
  readonly executions: Executions;
  /** Address of the provider; `provider` may say more of it. */
  readonly baseUrl: string;
  readonly provider?: Partial<UpstreamOptions>;
  /** Without any, the agent has no model. */
  readonly providers?: readonly UpstreamOptions[];
  readonly maxCalls?: number;
}

/** An agent over one provider, with short deadlines and no second attempts. */
export function testAgent({ executions, baseUrl, provider, providers, maxCalls = 10 }: TestAgentOptions): Agent {
  const only: UpstreamOptions = {
    name: '',
    provider: 'openai-compatible',
    baseUrl,
    apiKey: 'k',
    models: undefined,
    aliases: {},
    vision: false,
    stream: true,
    headers: {},
    ...provider,
  };
  const upstreams = createUpstreams({
    providers: providers ?? [only],
    defaultModel: 'm',
    passthrough: false,
    firstTokenMs: 5000,
    stallMs: 5000,
    totalMs: 10_000,
    retries: 0,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  const runnerInfo = { usualWallMs: async (plan: Plan) => usualWallMs(plan) };
  return createAgent({ upstreams, executions, plans: plansWith(noRates), runnerInfo, maxCalls, shownChars: 2000 });
}

/** A request that says hello and offers code in `session-1`. */
export function agentRequest(
  more: Partial<AgentRequest> = {},
  code: Partial<NonNullable<AgentRequest['code']>> = {},
): AgentRequest {
  return {
    model: undefined,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
    code: { session: async () => 'session-1', files: [], wallMs: undefined, maxCalls: undefined, ...code },
    functions: [],
    toolChoice: 'auto',
    parallelToolCalls: undefined,
    maxOutputTokens: undefined,
    temperature: undefined,
    topP: undefined,
    reasoningEffort: undefined,
    format: undefined,
    upstreamKey: undefined,
    ...more,
  };
}

/** All events of a request of Ann's. */
export function runAgent(
  agent: Agent,
  request: AgentRequest,
  signal = new AbortController().signal,
): Promise<AgentEvent[]> {
  return Array.fromAsync(agent.run(ann, request, signal));
}

/** Events in short: their types, and the text of deltas put together. */
export function brief(events: readonly AgentEvent[]): string[] {
  const told: string[] = [];
  let last: string | undefined;
  for (const event of events) {
    const kind = event.type;
    if ('delta' in event) {
      if (last === kind) told[told.length - 1] += event.delta;
      else told.push(`${kind} ${event.delta}`);
    } else if (event.type === 'end') told.push(`end ${event.end.reason}`);
    else told.push(event.type === 'function_call' ? `${kind} ${event.arguments}` : kind);
    last = kind;
  }
  return told;
}
