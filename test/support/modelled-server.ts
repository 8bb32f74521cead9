import { startServer, type TestServer } from './server.ts';
import { type ScriptedUpstream, startUpstream } from './upstream.ts';

/** A server and the scripted model behind it. */
export interface ModelledServer {
  readonly server: TestServer;
  readonly upstream: ScriptedUpstream;
  /** Ends both. */
  stop(): Promise<void>;
}

export const model = 'scripted-model';

/** Starts both. `env` is the server's beside what names the model. */
export async function startModelledServer(env: Readonly<Record<string, string>> = {}): Promise<ModelledServer> {
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
  return {
    server,
    upstream,
    async stop() {
      await server.stop();
      await upstream.close();
    },
  };
}
