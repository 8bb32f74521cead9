type Expected = 'object' | 'key' | 'first key' | 'colon' | 'value' | 'first value' | 'comma' | 'end';

const controls: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\f': '\\f' };

/**
 * Passes on a JSON object while a model writes it. Clients read what they have got as JSON, so what is passed on can always be
 * completed: everything after the first fault is left out, line breaks within strings are escaped, and `end` closes what is open.
 * All that `push` and `end` give, put together, is a JSON object.
 */
export class JsonObjectStream {
  #expected: Expected = 'object';
  /** Closing brackets of what is open, the innermost last. */
  readonly #open: ('}' | ']')[] = [];
  #string: 'key' | 'value' | undefined;
  /** Within an escape: characters that are still to come, or 'letter' for the one that tells how many. */
  #escape: number | 'letter' = 0;
  /** A number, `true`, `false` or `null` that may go on; it is passed on when it is complete. */
  #literal = '';
  #isBroken = false;

  push(delta: string): string {
    let passed = '';
    for (const char of delta) {
      if (this.#isBroken || this.#expected === 'end') break;
      passed += this.#string ? this.#within(char) : this.#take(char);
    }
    return passed;
  }

  end(): string {
    let rest = '';
    if (this.#string) {
      rest += this.#escape === 'letter' ? '\\' : '0'.repeat(this.#escape);
      rest += `"${this.#string === 'key' ? ':null' : ''}`;
    } else if (this.#literal !== '') rest += validLiteral(this.#literal);
    else if (this.#expected === 'object') rest = '{}';
    else if (this.#expected === 'colon') rest = ':null';
    else if (this.#expected === 'value') rest = 'null';
    else if (this.#expected === 'key') rest = '"":null';
    rest += this.#open.toReversed().join('');
    this.#expected = 'end';
    return rest;
  }

  #within(char: string): string {
    if (this.#escape === 'letter') {
      if (!/["\\/bfnrtu]/.test(char)) {
        this.#escape = 0;
        // A backslash that escapes nothing stands for itself.
        return `\\${controls[char] ?? char}`;
      }
      this.#escape = char === 'u' ? 4 : 0;
      return char;
    }
    if (this.#escape > 0) {
      if (!/[0-9a-f]/i.test(char)) return this.#fault();
      this.#escape--;
      return char;
    }
    if (char === '\\') this.#escape = 'letter';
    else if (char === '"') {
      this.#expected = this.#string === 'key' ? 'colon' : 'comma';
      this.#string = undefined;
    } else if (char < ' ') return controls[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
    return char;
  }

  #take(char: string): string {
    if (this.#literal !== '') {
      if (/[\w.+-]/.test(char) && this.#literal.length < 64) {
        this.#literal += char;
        return '';
      }
      const literal = validLiteral(this.#literal);
      this.#literal = '';
      this.#expected = 'comma';
      return literal + this.#take(char);
    }
    if (/\s/.test(char)) return /[ \n\r\t]/.test(char) ? char : ' ';
    const expected = this.#expected;
    const isKey = expected === 'key' || expected === 'first key';
    const isValue = expected === 'value' || expected === 'first value';
    if (expected === 'object') return char === '{' ? this.#begin('}', char) : this.#fault();
    if (char === '"' && (isKey || isValue)) {
      this.#string = isKey ? 'key' : 'value';
      return char;
    }
    if (isValue && char === '{') return this.#begin('}', char);
    if (isValue && char === '[') return this.#begin(']', char);
    if (char === this.#open.at(-1) && /^(?:comma|first key|first value)$/.test(expected)) {
      this.#open.pop();
      this.#expected = this.#open.length === 0 ? 'end' : 'comma';
      return char;
    }
    if (char === ':' && expected === 'colon') return this.#then('value', char);
    if (char === ',' && expected === 'comma') return this.#then(this.#open.at(-1) === '}' ? 'key' : 'value', char);
    if (isValue && /[-\dtfn]/.test(char)) {
      this.#literal = char;
      return '';
    }
    return this.#fault();
  }

  #begin(closing: '}' | ']', char: string): string {
    this.#open.push(closing);
    return this.#then(closing === '}' ? 'first key' : 'first value', char);
  }

  #then(expected: Expected, char: string): string {
    this.#expected = expected;
    return char;
  }

  #fault(): string {
    this.#isBroken = true;
    return '';
  }
}

function validLiteral(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return 'null';
  }
}
