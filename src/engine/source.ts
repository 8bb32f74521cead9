import type { Runtime } from './runtimes.ts';

/** Characters that editors, web pages and models put where a blank is meant; and those that stand for nothing. */
const blank = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;
const invisible = /[\u00ad\u200b\u2060\ufeff]/g;
const foreign = /[\u00a0\u00ad\u1680\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff]/;

/**
 * Code as it was meant, from the text that arrived: without a byte order mark, with line feeds alone, out of the fences of Markdown, and
 * with plain blanks outside of its literals and comments. Lines keep their numbers.
 */
export function sourceText(runtime: Runtime, text: string): string {
  const lines = text.replace(/^\ufeff+/, '').replace(/\r\n/g, '\n');
  const code = withPlainBlanks(unfenced(lines, runtime), runtime);
  const { prefix } = runtime;
  return prefix && !prefix.unless.test(code) ? prefix.text + code : code;
}

function withPlainBlanks(code: string, { literals }: Runtime): string {
  if (!foreign.test(code)) return code;
  const plain = (part: string) => part.replace(blank, ' ').replace(invisible, '');
  if (!literals) return plain(code);
  let made = '';
  let at = 0;
  for (const match of code.matchAll(literals)) {
    made += plain(code.slice(at, match.index)) + match[0];
    at = match.index + match[0].length;
  }
  return made + plain(code.slice(at));
}

const fence = /^ {0,3}(`{3,}|~{3,})[ \t]*\{?\.?([\w+#.-]*)[^`~]*$/;
/** A line of text around code: it begins like a sentence, ends like one, and has nothing that only code has. */
const prose = /^\s*(?:[#>*-]+\s+|\d+[.)]\s+)?[\p{L}"'*_][^=;{}<>$|\\]*[.:!?…]\**\s*$/u;
const codeOnly = /\w\(|"""|'''/;

/** The code blocks of a text in Markdown that are of this language or of none; the text itself when it is not such a text. */
function unfenced(text: string, runtime: Runtime): string {
  if (!/^ {0,3}(?:```|~~~)/m.test(text)) return text;
  const lines = text.split('\n');
  const first = lines.findIndex((line) => fence.test(line));
  const isText = (line: string) => line.trim() === '' || (prose.test(line) && !codeOnly.test(line));
  if (first < 0 || !lines.slice(0, first).every(isText)) return text;
  const kept = lines.map(() => '');
  let found = false;
  for (let at = first; at < lines.length; at++) {
    const opening = fence.exec(lines[at]!);
    if (!opening) continue;
    const end = endOf(lines, at, opening[1]!);
    const language = opening[2]!.toLowerCase();
    if (language === '' || runtime.isCalled(language)) {
      found = true;
      for (let line = at + 1; line < end; line++) kept[line] = lines[line]!;
    }
    at = end;
  }
  return found ? kept.join('\n') : text;
}

/** The line that closes a fence, or the end of the text. */
function endOf(lines: readonly string[], opening: number, marks: string): number {
  for (let at = opening + 1; at < lines.length; at++) {
    const line = lines[at]!.trim();
    if (line.length >= marks.length && [...line].every((mark) => mark === marks[0])) return at;
  }
  return lines.length;
}
