const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** Decodes the inside of a JSON string, after its first quote, while it arrives. Control characters in it are taken as they are. */
export class JsonString {
  /** An escape that is not complete, or the first half of a pair. */
  #held = '';
  #closed = false;

  /** @returns the text that is certain, and whether the closing quote was there; what follows it is ignored */
  push(delta: string): { text: string; closed: boolean } {
    if (this.#closed) return { text: '', closed: true };
    const input = this.#held + delta;
    this.#held = '';
    let text = '';
    let at = 0;
    while (at < input.length) {
      const next = input.slice(at).search(/["\\]/);
      if (next < 0) {
        text += input.slice(at);
        break;
      }
      text += input.slice(at, at + next);
      at += next;
      if (input[at] === '"') {
        this.#closed = true;
        break;
      }
      const read = escapeAt(input, at);
      if (read === undefined) {
        this.#held = input.slice(at);
        break;
      }
      text += read.text;
      at += read.length;
    }
    return { text, closed: this.#closed };
  }

  /** The text was cut off. @returns what an incomplete escape leaves: nothing */
  end(): string {
    this.#held = '';
    return '';
  }
}

/** Reads an escape; undefined when more must come first. Halves of a pair stay together, so that no delta ends within one. */
function escapeAt(input: string, at: number): { text: string; length: number } | undefined {
  const letter = input[at + 1];
  if (letter === undefined) return undefined;
  if (letter !== 'u') return { text: escapes[letter] ?? letter, length: 2 };
  const first = unitAt(input, at);
  if (first === undefined) return input.length - at < 6 ? undefined : { text: 'u', length: 2 };
  if (first < 0xd800 || first > 0xdbff) return { text: String.fromCharCode(first), length: 6 };
  const follows = input.slice(at + 6, at + 8);
  if (follows !== '\\u') {
    if (follows === '' || follows === '\\') return undefined;
    return { text: '\ufffd', length: 6 };
  }
  const second = unitAt(input, at + 6);
  if (second === undefined) return input.length - at < 12 ? undefined : { text: '\ufffd', length: 6 };
  const paired = second >= 0xdc00 && second <= 0xdfff;
  return paired ? { text: String.fromCharCode(first, second), length: 12 } : { text: '\ufffd', length: 6 };
}

function unitAt(input: string, at: number): number | undefined {
  const digits = input.slice(at + 2, at + 6);
  return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}
