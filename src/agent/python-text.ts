/** Blanks that Python does not take for blanks. Models copy them from web pages. */
const foreignBlank = /[\u00a0\u2000-\u200a\u202f\u205f\u3000]/;
const invisible = /[\u200b-\u200d\u2060\ufeff]/;
/** Typographic quotes, by the straight quote they stand for. */
const quotes: Readonly<Record<string, '"' | "'">> = { '“': '"', '”': '"', '„': '"', '‘': "'", '’': "'" };

/**
 * Python source with the blanks and quotes that its author meant. Outside of strings and comments none of the foreign ones can be
 * right; inside they are the program's own and stay.
 */
export function plainPython(code: string): string {
  if (!/[\u00a0\u2000-\u200d\u2018-\u201e\u202f\u205f\u2060\u3000\ufeff]/.test(code)) return code;
  let text = '';
  for (let at = 0; at < code.length; ) {
    const char = code[at]!;
    const end = char === '#' ? lineEnd(code, at) : char === '"' || char === "'" ? stringEnd(code, at) : undefined;
    if (end !== undefined) {
      text += code.slice(at, end);
      at = end;
      continue;
    }
    const quote = quotes[char];
    const closing = quote && closingQuote(code, at + 1, quote);
    if (quote && closing !== undefined) {
      text += quote + code.slice(at + 1, closing) + quote;
      at = closing + 1;
      continue;
    }
    text += foreignBlank.test(char) ? ' ' : invisible.test(char) ? '' : char;
    at++;
  }
  return text;
}

function lineEnd(code: string, at: number): number {
  const end = code.indexOf('\n', at);
  return end < 0 ? code.length : end;
}

/** Where the string that begins here ends. */
function stringEnd(code: string, from: number): number {
  const quote = code[from]!;
  const mark = code.startsWith(quote.repeat(3), from) ? quote.repeat(3) : quote;
  for (let at = from + mark.length; at < code.length; at++) {
    if (code[at] === '\\') at++;
    else if (code.startsWith(mark, at)) return at + mark.length;
    else if (mark.length === 1 && code[at] === '\n') return at;
  }
  return code.length;
}

/** Where a string with typographic quotes ends: on its line, before the straight quote that it will get. */
function closingQuote(code: string, from: number, quote: string): number | undefined {
  for (let at = from; at < code.length && code[at] !== '\n'; at++) {
    if (quotes[code[at]!] === quote) return at;
    if (code[at] === quote) return undefined;
  }
  return undefined;
}
