import OpenAI from 'openai';
import PreviousOpenAI from 'openai-previous';
import { type ModelledServer, startModelledServer } from './modelled-server.ts';

export { model } from './modelled-server.ts';

/** A server whose model does what the test says, and OpenAI's own clients for it. */
export interface OpenAiService extends ModelledServer {
  /** With `/v1`, as SDKs want it. */
  readonly baseURL: string;
  readonly client: OpenAI;
  /** The major version before the current one. */
  readonly previous: PreviousOpenAI;
}

/** Starts both. `env` is the server's beside what names the model. */
export async function startOpenAi(env: Readonly<Record<string, string>> = {}): Promise<OpenAiService> {
  const modelled = await startModelledServer(env);
  const baseURL = `${modelled.server.url}/v1`;
  const options = { baseURL, apiKey: modelled.server.key };
  return { ...modelled, baseURL, client: new OpenAI(options), previous: new PreviousOpenAI(options) };
}
