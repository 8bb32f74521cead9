import type { TokenUsage } from '../../../agent/index.ts';
import type { Usage } from './wire.ts';

/** Tokens of a whole message; undefined: not known yet. Cached ones are counted apart. */
export function usageOf(usage: TokenUsage | undefined): Usage {
  const { inputTokens = 0, cachedTokens = 0, outputTokens = 0 } = usage ?? {};
  return {
    input_tokens: Math.max(0, inputTokens - cachedTokens),
    output_tokens: outputTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
    cache_creation: null,
    output_tokens_details: null,
    server_tool_use: null,
    service_tier: 'standard',
    inference_geo: null,
    speed: null,
  };
}
