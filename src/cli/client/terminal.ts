import { once } from 'node:events';
import { styleText } from 'node:util';
import { Stopped } from './command-error.ts';
import { SafeText } from './safe-text.ts';

type Format = Parameters<typeof styleText>[0];

/** What commands write to. `json` commands write one document to `out` and nothing else. */
export class Terminal {
  readonly #out: NodeJS.WriteStream;
  readonly #err: NodeJS.WriteStream;
  readonly #safe = { out: new SafeText(), err: new SafeText() };
  readonly #decoders = { out: new TextDecoder(), err: new TextDecoder() };
  readonly #closed = new AbortController();
  #status = '';

  constructor({ stdout: out, stderr: err }: Pick<NodeJS.Process, 'stdout' | 'stderr'>) {
    this.#out = out;
    this.#err = err;
    // The reader has gone: as for a program without a handler of SIGPIPE, that is the end.
    out.on('error', () => this.#closed.abort(new Stopped(141)));
    err.on('error', () => {});
  }

  /** Aborts when the reader of the output has gone. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Whether a person looks at the output of programs. */
  get isInteractive(): boolean {
    return this.#out.isTTY === true;
  }

  get columns(): number {
    return this.#out.columns || 80;
  }

  /** What code in a sandbox printed. A terminal gets it without sequences that do more than move, colour and erase. */
  program(stream: 'out' | 'err', text: string): void {
    this.#clearStatus();
    const to = stream === 'out' ? this.#out : this.#err;
    to.write(to.isTTY ? this.#safe[stream].take(text) : text);
  }

  /** As `program`, for bytes, no faster than the reader takes them. Into a pipe or a file they go as they are. */
  async bytes(stream: 'out' | 'err', data: Uint8Array): Promise<void> {
    const to = stream === 'out' ? this.#out : this.#err;
    if (to.isTTY) return this.program(stream, this.#decoders[stream].decode(data, { stream: true }));
    if (this.closed.aborted || to.destroyed || to.write(data)) return;
    const given = new AbortController();
    const ends = AbortSignal.any([this.closed, given.signal]);
    // A reader that has gone takes nothing more.
    await Promise.race([once(to, 'drain', { signal: ends }), once(to, 'close', { signal: ends })]).catch(() => {});
    given.abort();
  }

  /** A line of our own on stdout. */
  line(text = ''): void {
    this.#clearStatus();
    this.#out.write(`${text}\n`);
  }

  json(value: unknown): void {
    this.#out.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** A line for the person at the terminal, on stderr. */
  note(text: string, format: Format = 'dim'): void {
    this.#clearStatus();
    this.#err.write(`${this.errStyled(format, text)}\n`);
  }

  /** What goes on at the moment, on one line of a terminal that is written over. */
  status(text: string): void {
    if (!this.#err.isTTY || text === this.#status) return;
    this.#clearStatus();
    this.#status = text;
    this.#err.write(styleText('dim', text.slice(0, (this.#err.columns || 80) - 1), { stream: this.#err }));
  }

  styled(format: Format, text: string): string {
    return styleText(format, text, { stream: this.#out });
  }

  errStyled(format: Format, text: string): string {
    return styleText(format, text, { stream: this.#err });
  }

  #clearStatus(): void {
    if (this.#status === '') return;
    this.#status = '';
    this.#err.write('\r\x1b[2K');
  }
}

/** A name or message from the service on one line: what would control a terminal is shown as an escape. */
export function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) =>
    JSON.stringify(character)
      .slice(1, -1)
      .replace(/^([^\\])$/, (it) => `\\u{${it.codePointAt(0)!.toString(16)}}`),
  );
}

/** A table with a head, in columns as wide as what is in them. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}
