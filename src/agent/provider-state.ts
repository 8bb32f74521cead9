import type { JSONObject, SharedV4ProviderOptions } from '@ai-sdk/provider';
import type { AssistantContent } from '../upstreams/index.ts';
import type { ProviderState } from './agent.ts';

/**
 * The state of a turn that its provider wants back with the results of calls. Some providers refuse a call without its signature or
 * without the thoughts before it. Thoughts belong to the first call after them.
 */
export function providerStates(said: AssistantContent): Record<string, ProviderState> {
  const states: Record<string, ProviderState> = {};
  let thoughts: { text: string; options: JSONObject }[] = [];
  for (const part of said) {
    if (part.type === 'reasoning' && part.providerOptions)
      thoughts.push({ text: part.text, options: part.providerOptions as JSONObject });
    if (part.type !== 'tool-call') continue;
    const options = part.providerOptions as JSONObject | undefined;
    if (thoughts.length > 0 || options)
      states[part.toolCallId] = { ...(thoughts.length > 0 ? { thoughts } : {}), ...(options ? { options } : {}) };
    thoughts = [];
  }
  return states;
}

/** As the SDK has options: fields by provider. */
export function byProvider(options: JSONObject): SharedV4ProviderOptions {
  return options as SharedV4ProviderOptions;
}
