import { checkServed } from './settings.ts';
import { toolsOf } from './tools.ts';
import type { CountBody } from './wire.ts';

/** Characters of text that are about one token. */
const charactersPerToken = 3.5;
/** What an image costs at most models, and what our tools' descriptions cost. */
const imageTokens = 1600;
const codeToolTokens = 900;

/** About how many tokens a request has: providers do not count ahead. @throws WireError as for a message */
export function estimatedTokens(body: CountBody): number {
  checkServed(body);
  const { code } = toolsOf(body);
  const { characters, images } = weigh([body.messages, body.system, body.tools]);
  const tokens = characters / charactersPerToken + images * imageTokens + (code ? codeToolTokens : 0);
  return Math.ceil(tokens) + 3;
}

/** Base64 counts as an image, whatever it holds. */
function weigh(value: unknown): { characters: number; images: number } {
  const sum = { characters: 0, images: 0 };
  const stack: unknown[] = [value];
  while (stack.length > 0) {
    const next = stack.pop();
    if (typeof next === 'string') sum.characters += next.length;
    else if (typeof next === 'object' && next !== null) {
      if ((next as { type?: unknown }).type === 'base64') sum.images++;
      else for (const [key, inner] of Object.entries(next)) stack.push(inner, Array.isArray(next) ? undefined : key);
    } else if (next !== undefined) sum.characters += 4;
  }
  return sum;
}
