import { sgrClass } from './sgr.ts';

/** A style from a column to another one of a line. */
interface Mark {
  readonly from: number;
  readonly to: number;
  readonly style: string;
}

export interface Line {
  text: string;
  marks: Mark[];
  readonly isError: boolean;
}

/** How far up the cursor may go: progress bars that stand above each other. */
const maxUp = 50;
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are steered by these
const steering = /[\r\b\x1b\x07]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are steered by these
const sequence = /^\x1b(?:\[([0-9;?]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_=>])/;

/** What a program printed, as a terminal would show it: lines that carriage returns and a few escapes change in place. */
export class TextLog {
  readonly lines: Line[] = [];
  /** Characters that came, steering included. */
  size = 0;
  #row = 0;
  #column = 0;
  #style = '';
  /** An escape that is cut off by the end of a chunk. */
  #rest = '';

  write(chunk: string, isError: boolean): void {
    this.size += chunk.length;
    let text = this.#rest + chunk;
    this.#rest = '';
    // Most output is plain lines.
    while (text !== '') {
      const at = text.search(steering);
      if (at < 0) {
        this.#print(text, isError);
        return;
      }
      if (at > 0) this.#print(text.slice(0, at), isError);
      text = text.slice(at);
      const used = this.#steer(text);
      if (used === 0) {
        this.#rest = text;
        return;
      }
      text = text.slice(used);
    }
  }

  /** Whether the last line has no end yet. */
  get isOpen(): boolean {
    return this.lines.length > 0 && this.#row < this.lines.length;
  }

  /** Removes lines from the end, if they are there. */
  drop(text: string): void {
    const wanted = text.replace(/\n$/, '').split('\n');
    // A log may end with an empty line.
    while (this.lines.at(-1)?.text === '' && wanted.at(-1) !== '') this.lines.pop();
    const from = this.lines.length - wanted.length;
    const isThere = from >= 0 && wanted.every((line, at) => this.lines[from + at]!.text === plainText(line));
    if (isThere) this.lines.length = from;
    this.#row = this.lines.length;
    this.#column = 0;
  }

  text(): string {
    return this.lines.map(({ text }) => text).join('\n');
  }

  /** Returns how many characters it used; 0: it is cut off. */
  #steer(text: string): number {
    switch (text[0]) {
      case '\r':
        this.#column = 0;
        return 1;
      case '\b':
        this.#column = Math.max(0, this.#column - 1);
        return 1;
      case '\x07':
        return 1;
    }
    const found = sequence.exec(text);
    // What is no escape after so many characters never becomes one.
    if (!found) return text.length < 64 ? 0 : 1;
    const [whole, parameters = '', command] = found;
    const amount = Number(parameters) || 0;
    if (command === 'm') this.#style = sgrClass(this.#style, parameters);
    if (command === 'A') this.#row = Math.max(0, this.lines.length - 1 - maxUp, this.#row - (amount || 1));
    if (command === 'B') this.#row = Math.min(this.lines.length, this.#row + (amount || 1));
    if (command === 'G') this.#column = Math.max(0, amount - 1);
    if (command === 'C') this.#column += Math.min(amount || 1, 1000);
    if (command === 'D') this.#column = Math.max(0, this.#column - (amount || 1));
    if (command === 'K') this.#erase(amount);
    return whole.length;
  }

  #erase(what: number): void {
    const line = this.lines[this.#row];
    if (!line) return;
    if (what === 2) line.text = '';
    else if (what === 0) line.text = line.text.slice(0, this.#column);
    line.marks = what === 2 ? [] : line.marks.filter(({ from }) => from < this.#column);
  }

  #print(text: string, isError: boolean): void {
    let from = 0;
    for (;;) {
      const end = text.indexOf('\n', from);
      const part = end < 0 ? text.slice(from) : text.slice(from, end);
      if (part !== '' || end >= 0) this.#put(part, isError);
      if (end < 0) return;
      this.#row++;
      this.#column = 0;
      from = end + 1;
    }
  }

  #put(part: string, isError: boolean): void {
    while (this.lines.length <= this.#row) this.lines.push({ text: '', marks: [], isError });
    const line = this.lines[this.#row]!;
    const from = this.#column;
    const to = from + part.length;
    if (part !== '') {
      line.text =
        from >= line.text.length
          ? line.text.padEnd(from) + part
          : line.text.slice(0, from) + part + line.text.slice(to);
      if (line.marks.length > 0 && line.marks.at(-1)!.to > from)
        line.marks = line.marks.flatMap((mark) => without(mark, from, to));
      if (this.#style !== '') line.marks.push({ from, to, style: this.#style });
    }
    this.#column = to;
  }
}

/** What is left of a mark when a part of its line is overwritten. */
function without(mark: Mark, from: number, to: number): Mark[] {
  const left = { ...mark, to: Math.min(mark.to, from) };
  const right = { ...mark, from: Math.max(mark.from, to) };
  return [left, right].filter(({ from: start, to: end }) => start < end);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are steered by these
const plainText = (line: string) => line.replace(/\x1b\[[0-9;?]*[@-~]/g, '');
