import Anthropic from '@anthropic-ai/sdk';
import { type ModelledServer, startModelledServer } from './modelled-server.ts';

export { model } from './modelled-server.ts';

/** A server whose model does what the test says, and Anthropic's own client for it. */
export interface AnthropicService extends ModelledServer {
  readonly client: Anthropic;
  /** The same client with the key of another principal. */
  readonly other: Anthropic;
}

const otherKey = 'bob-key-0123456789';

/** Starts both. `env` is the server's beside what names the model. */
export async function startAnthropic(env: Readonly<Record<string, string>> = {}): Promise<AnthropicService> {
  const modelled = await startModelledServer({ DRAGOMAN_API_KEYS: `ann:ann-key-0123456789,bob:${otherKey}`, ...env });
  const { url, key } = modelled.server;
  return {
    ...modelled,
    client: new Anthropic({ baseURL: url, apiKey: key }),
    other: new Anthropic({ baseURL: url, apiKey: otherKey }),
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
