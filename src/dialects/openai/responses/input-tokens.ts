import type { ResponseBody } from './request.ts';

/** About how many characters of a request's JSON make a token, whoever the model is. */
const charactersPerToken = 4;

/** A rough count of what the model would read: no model of ours tells exactly before it is asked. */
export function estimateTokens({ input, instructions, tools }: ResponseBody): number {
  const text = [input ?? '', instructions ?? '', tools ?? []].map((part) =>
    typeof part === 'string' ? part : JSON.stringify(part),
  );
  return Math.ceil(text.join('').length / charactersPerToken);
}
