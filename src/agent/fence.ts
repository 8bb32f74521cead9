const opening = /^\s*```[ \t]*(?:python3?|py|ipython|tool_code)?[ \t]*\r?\n/;
/** A text that may still become an opening fence. */
const halfOpening = /^\s*(?:`{0,2}|```[ \t]*[a-z0-9_]{0,9}[ \t]*\r?)$/;
/** Most characters that are held back while they may become an opening fence. */
const longestOpening = 200;

/** Takes a Markdown fence off code that grows. Code without one goes through as it is. */
export class FenceReader {
  #held = '';
  #state: 'before' | 'fenced' | 'plain' = 'before';

  push(delta: string): string {
    if (this.#state === 'plain') return delta;
    this.#held += delta;
    if (this.#state === 'before') {
      const fence = opening.exec(this.#held);
      if (fence) {
        this.#held = this.#held.slice(fence[0].length);
        this.#state = 'fenced';
      } else if (this.#held.length < longestOpening && halfOpening.test(this.#held)) return '';
      else {
        this.#state = 'plain';
        return this.#take(this.#held.length);
      }
    }
    return this.#take(closingAt(this.#held, 0));
  }

  end(): string {
    const rest = this.#held;
    this.#held = '';
    return this.#state === 'fenced' ? rest.slice(0, closingAt(rest, 3)) : rest;
  }

  #take(length: number): string {
    const taken = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return taken;
  }
}

/**
 * Where the closing fence at the end of a text begins, with the line break before it; `least` ticks make one. Walks from the
 * end, because a regular expression would try every run of white space.
 */
function closingAt(text: string, least: number): number {
  let at = text.trimEnd().length;
  let ticks = 0;
  while (ticks < 3 && text[at - 1] === '`') {
    at--;
    ticks++;
  }
  if (ticks < least) return text.length;
  while (text[at - 1] === ' ' || text[at - 1] === '\t') at--;
  if (text[at - 1] === '\n') at--;
  if (text[at - 1] === '\r') at--;
  return at;
}
