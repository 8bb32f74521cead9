import { codeBlocks } from './code-blocks.ts';
import { FenceReader } from './fence.ts';
import { JsonString } from './json-string.ts';
import { plainPython } from './python-text.ts';

/** Names that models give to the argument with the code, the right one first. */
const codeKeys = ['code', 'source', 'python', 'script', 'input'];

/**
 * Reads a tool's arguments while a model writes them and gives the code within as it grows. Models send many forms, and parsers of
 * partial JSON accept only JSON:
 * `{"code": "…"}` as asked, with line breaks that JSON does not allow, cut off before its end, code in a Markdown fence, a bare
 * JSON string, or just code. All that `push` and `end` give, put together, is the code.
 */
export class CodeReader {
  /** Of Python. Other code is read as it is. */
  readonly #fence: FenceReader | undefined;
  readonly #keys: readonly string[];
  #written = '';
  /** Everything is read up to here. */
  #at = 0;
  #state: 'start' | 'object' | 'value' | 'raw' | 'later' | 'done' = 'start';
  #string: JsonString | undefined;
  #found = false;
  /** The code as it was written, its fences included, and without them. */
  #source = '';
  #code = '';

  /** @param key the argument with the code, when it is not Python */
  constructor(key?: string) {
    this.#keys = key === undefined ? codeKeys : [key, ...codeKeys];
    this.#fence = key === undefined ? new FenceReader() : undefined;
  }

  /** @returns the code that became certain */
  push(delta: string): string {
    // What was written before is not looked at again: it may be long.
    if (this.#state === 'value') return this.#take(this.#grow(delta));
    this.#written += delta;
    return this.#take(this.#read());
  }

  /** After `end`: the code to run. It differs from what was given where a model wrote more than code, or foreign blanks. */
  get code(): string {
    return this.#fence ? plainPython(codeBlocks(this.#source) ?? this.#code) : this.#code;
  }

  /** The arguments are complete. @returns the rest of the code; undefined when they hold none */
  end(): string | undefined {
    const rest = this.#found || this.#state === 'raw' ? '' : wholeCode(this.#written, this.#keys);
    if (rest === undefined) return undefined;
    const given = this.#take((this.#string?.end() ?? '') + rest);
    const last = this.#fence?.end() ?? '';
    this.#code += last;
    return given + last;
  }

  #take(source: string): string {
    this.#source += source;
    const code = this.#fence ? this.#fence.push(source) : source;
    this.#code += code;
    return code;
  }

  #read(): string {
    if (this.#state === 'start') this.#begin();
    if (this.#state === 'object') this.#seekCode();
    const fresh = this.#written.slice(this.#at);
    if (this.#state === 'raw') {
      this.#at = this.#written.length;
      return fresh;
    }
    return this.#state === 'value' ? this.#grow(fresh) : '';
  }

  #grow(fresh: string): string {
    const { text, closed } = this.#string!.push(fresh);
    if (closed) this.#state = 'done';
    return text;
  }

  /** A bare JSON string may hold the whole object in JSON: it is read when it is complete. */
  #begin(): void {
    const first = /\S/.exec(this.#written)?.[0];
    if (first === undefined) {
      if (this.#written.length > longestHead) this.#state = 'later';
      return;
    }
    this.#state = first === '{' ? 'object' : first === '"' ? 'later' : 'raw';
  }

  /** Only a field `code` that comes first is read as it grows. Models seldom write anything before it. */
  #seekCode(): void {
    const [key = ''] = this.#keys;
    const head = key === 'code' ? codeHead.exec(this.#written) : headOf(key).exec(this.#written);
    if (head) {
      this.#at = head[0].length;
      this.#string = new JsonString();
      this.#found = true;
      this.#state = 'value';
    } else if (this.#written.length > longestHead || !couldBecomeHead(this.#written, key)) this.#state = 'later';
  }
}

/** After so many characters without code the rest is read at the end. */
const longestHead = 1000;
const headOf = (key: string) => new RegExp(`^\\s*\\{\\s*"${key}"\\s*:\\s*"`);
const codeHead = headOf('code');

function couldBecomeHead(written: string, key: string): boolean {
  let rest = written.trimStart();
  for (const token of ['{', `"${key}"`, ':', '"']) {
    if (rest.length <= token.length) return token.startsWith(rest);
    if (!rest.startsWith(token)) return false;
    rest = rest.slice(token.length).trimStart();
  }
  return true;
}

/** The code in complete arguments; undefined when there is none. */
function wholeCode(written: string, keys: readonly string[]): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(written);
  } catch {
    // An object that is not JSON is broken arguments rather than a program.
    return /^\s*(?:\{\s*"|"|$)/.test(written) ? undefined : written;
  }
  if (typeof value === 'string') return /^\s*\{\s*"/.test(value) ? wholeCode(value, keys) : value || undefined;
  if (typeof value !== 'object' || value === null) return written;
  const fields = value as Record<string, unknown>;
  const key = keys.find((key) => Object.hasOwn(fields, key)) ?? Object.keys(fields)[0];
  const code = key === undefined ? undefined : fields[key];
  if (Array.isArray(code) && code.every((line) => typeof line === 'string')) return code.join('\n') || undefined;
  const alone = key !== undefined && (keys.includes(key) || Object.keys(fields).length === 1);
  return typeof code === 'string' && alone && code !== '' ? code : undefined;
}
