import Anthropic from '@anthropic-ai/sdk';
import { startServer, type TestServer } from './server.ts';
import { type ScriptedUpstream, startUpstream } from './upstream.ts';

/** A server whose model does what the test says, and Anthropic's own client for it. */
export interface AnthropicService {
  readonly server: TestServer;
  readonly upstream: ScriptedUpstream;
  readonly client: Anthropic;
  /** The same client with the key of another principal. */
  readonly other: Anthropic;
  stop(): Promise<void>;
}

const otherKey = 'bob-key-0123456789';

export const model = 'scripted-model';

/** Starts both. `env` is the server's beside what names the model. */
export async function startAnthropic(env: Readonly<Record<string, string>> = {}): Promise<AnthropicService> {
  const upstream = await startUpstream();
  const server = await startServer({
    env: {
      DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
      DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
      DRAGOMAN_UPSTREAM_MODEL: model,
      DRAGOMAN_RATE_LIMITS: 'off',
      DRAGOMAN_API_KEYS: `ann:ann-key-0123456789,bob:${otherKey}`,
      ...env,
    },
  }).catch(async (error) => {
    await upstream.close();
    throw error;
  });
  return {
    server,
    upstream,
    client: new Anthropic({ baseURL: server.url, apiKey: server.key }),
    other: new Anthropic({ baseURL: server.url, apiKey: otherKey }),
    async stop() {
      await server.stop();
      await upstream.close();
    },
  };
}

/** A call of one of our tools, as a scripted model makes it. */
export const calls = {
  python: (code: string) => ({ call: 'code_execution', arguments: deltas({ code }) }),
  bash: (command: string) => ({ call: 'bash_code_execution', arguments: deltas({ command }) }),
  editor: (input: object) => ({ call: 'text_editor_code_execution', arguments: deltas(input) }),
};

function deltas(input: object): readonly string[] {
  return JSON.stringify(input).match(/[\s\S]{1,7}/g)!;
}
