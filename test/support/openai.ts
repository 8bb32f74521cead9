import OpenAI from 'openai';
import PreviousOpenAI from 'openai-previous';
import { startServer, type TestServer } from './server.ts';
import { type ScriptedUpstream, startUpstream } from './upstream.ts';

/** A server whose model does what the test says, and OpenAI's own clients for it. */
export interface OpenAiService {
  readonly server: TestServer;
  readonly upstream: ScriptedUpstream;
  /** With `/v1`, as SDKs want it. */
  readonly baseURL: string;
  readonly client: OpenAI;
  /** The major version before the current one. */
  readonly previous: PreviousOpenAI;
  stop(): Promise<void>;
}

export const model = 'scripted-model';

/** Starts both. `env` is the server's beside what names the model. */
export async function startOpenAi(env: Readonly<Record<string, string>> = {}): Promise<OpenAiService> {
  const upstream = await startUpstream();
  const server = await startServer({
    env: {
      DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
      DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
      DRAGOMAN_UPSTREAM_MODEL: model,
      DRAGOMAN_RATE_LIMITS: 'off',
      ...env,
    },
  }).catch(async (error) => {
    await upstream.close();
    throw error;
  });
  const baseURL = `${server.url}/v1`;
  const options = { baseURL, apiKey: server.key };
  return {
    server,
    upstream,
    baseURL,
    client: new OpenAI(options),
    previous: new PreviousOpenAI(options),
    async stop() {
      await server.stop();
      await upstream.close();
    },
  };
}
