import { Script } from 'node:vm';

/**
 * Whether what was typed so far is the beginning of something: an open bracket, string or block. A guess, as every prompt makes it: an empty
 * line ends a block. `lines` are at least one.
 */
export function needsMore(language: string, lines: readonly string[]): boolean {
  if (language === 'python') return pythonNeedsMore(lines);
  if (language === 'javascript' || language === 'typescript') return scriptNeedsMore(lines.join('\n'));
  if (language === 'bash') return shellNeedsMore(lines);
  // Programs of other languages are several lines long: an empty one ends them.
  return lines.at(-1) !== '';
}

function pythonNeedsMore(lines: readonly string[]): boolean {
  const { depth, isOpen } = scan(lines.join('\n'), ['"""', "'''", '"', "'"], '#');
  if (isOpen || depth > 0 || lines.at(-1)!.endsWith('\\')) return true;
  if (lines.at(-1)!.trim() === '') return false;
  const opensBlock = lines.some((line) => /:\s*(#.*)?$/.test(line));
  return opensBlock || lines.at(-1)!.startsWith('@') || (lines.length === 1 && lines[0]!.startsWith('%%'));
}

function scriptNeedsMore(code: string): boolean {
  try {
    new Script(code);
    return false;
  } catch (error) {
    return /Unexpected end of input|Unterminated template|missing \) after/.test((error as Error).message);
  }
}

function shellNeedsMore(lines: readonly string[]): boolean {
  const text = lines.join('\n');
  if (scan(text, ['"', "'"], undefined).isOpen || lines.at(-1)!.endsWith('\\')) return true;
  const here = /<<-?\s*(['"]?)(\w+)\1/.exec(text)?.[2];
  if (here !== undefined) return !lines.slice(1).some((line) => line.trim() === here);
  const count = (words: string) =>
    text.match(new RegExp(`(?:^|[;&|\\n]|\\b(?:then|do|else)\\b)\\s*(?:${words})(?=[\\s;(]|$)`, 'g'))?.length ?? 0;
  const braces = (text.match(/\{(?=\s|$)/g)?.length ?? 0) - (text.match(/(?:^|[\s;])\}/g)?.length ?? 0);
  return count('if|for|while|until|case|select') > count('fi|done|esac') || braces > 0;
}

/** Brackets and strings of a text. A quote of one character ends with its line. */
function scan(
  text: string,
  quotes: readonly string[],
  comment: string | undefined,
): { depth: number; isOpen: boolean } {
  let depth = 0;
  let open: string | undefined;
  for (let at = 0; at < text.length; at++) {
    if (open !== undefined) {
      if (text[at] === '\\' && open !== "'") at++;
      else if (text.startsWith(open, at)) {
        at += open.length - 1;
        open = undefined;
      } else if (text[at] === '\n' && open.length === 1 && comment !== undefined) open = undefined;
      continue;
    }
    const quote = quotes.find((quote) => text.startsWith(quote, at));
    if (quote) {
      open = quote;
      at += quote.length - 1;
    } else if (text[at] === comment) at = text.indexOf('\n', at) < 0 ? text.length : text.indexOf('\n', at);
    else if ('([{'.includes(text[at]!)) depth++;
    else if (')]}'.includes(text[at]!)) depth--;
  }
  return { depth, isOpen: open !== undefined && (open.length > 1 || comment === undefined) };
}
