import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Completer, createInterface, emitKeypressEvents, type Interface } from 'node:readline';
import { makeFolders } from './folders.ts';

/** What the person at the prompt did. */
export type Typed =
  | { readonly kind: 'line'; readonly text: string; readonly isPasted: boolean }
  | { readonly kind: 'interrupt' }
  | { readonly kind: 'end' };

export interface LineReaderOptions {
  readonly historyFile: string;
  readonly complete: (line: string) => Promise<[string[], string]>;
}

const maxHistory = 1000;

/** Lines of a terminal with editing, history and completion; or of a pipe, one after another. */
export class LineReader {
  readonly isTerminal = process.stdin.isTTY === true;
  readonly #lines: Interface;
  readonly #waiting: Typed[] = [];
  readonly #historyFile: string;
  #take: ((typed: Typed) => void) | undefined;
  #isPasting = false;
  #isEnded = false;

  constructor({ historyFile, complete }: LineReaderOptions) {
    this.#historyFile = historyFile;
    const completer: Completer | unknown = (line: string, done: (error: null, found: [string[], string]) => void) => {
      complete(line).then(
        (found) => done(null, found),
        () => done(null, [[], line]),
      );
    };
    this.#lines = createInterface({
      input: process.stdin,
      // A pipe is not echoed.
      ...(this.isTerminal ? { output: process.stdout, completer: completer as Completer } : {}),
      terminal: this.isTerminal,
      historySize: maxHistory,
      ...(this.isTerminal ? { history: readHistory(historyFile) } : {}),
    });
    if (this.isTerminal) {
      emitKeypressEvents(process.stdin, this.#lines);
      process.stdin.on('keypress', (_text, key?: { name?: string }) => {
        if (key?.name === 'paste-start') this.#isPasting = true;
        if (key?.name === 'paste-end') this.#isPasting = false;
      });
      // The terminal then says where a paste begins and ends.
      process.stdout.write('\x1b[?2004h');
    }
    this.#lines.on('line', (text) => this.#tell({ kind: 'line', text, isPasted: this.#isPasting }));
    this.#lines.on('SIGINT', () => this.#tell({ kind: 'interrupt' }));
    this.#lines.on('close', () => {
      this.#isEnded = true;
      this.#tell({ kind: 'end' });
    });
  }

  /** The next line. An interrupt forgets what is typed. */
  next(prompt: string): Promise<Typed> {
    const typed = this.#waiting.shift();
    if (typed) return Promise.resolve(typed);
    if (this.#isEnded) return Promise.resolve({ kind: 'end' });
    if (this.isTerminal) {
      process.stdin.setRawMode(true);
      this.#lines.setPrompt(prompt);
      this.#lines.prompt();
    }
    return new Promise((resolve) => {
      this.#take = resolve;
    });
  }

  /** Forgets what is typed on the line so far. */
  clearLine(): void {
    this.#lines.write(null, { ctrl: true, name: 'e' });
    this.#lines.write(null, { ctrl: true, name: 'u' });
    process.stdout.write('\n');
  }

  /** While code runs Ctrl-C is a signal, and keys wait for the next prompt. */
  rest(): void {
    if (!this.isTerminal || this.#isEnded) return;
    this.#lines.pause();
    process.stdin.setRawMode(false);
  }

  /** Adds a piece of code to the history file, which only its owner can open. */
  remember(code: string): void {
    if (!this.isTerminal) return;
    try {
      makeFolders(dirname(this.#historyFile), 0o700);
      appendFileSync(this.#historyFile, `${code}\n`, { mode: 0o600 });
    } catch {
      // A history that cannot be written is no reason to end a session.
    }
  }

  close(): void {
    this.#lines.close();
    if (!this.isTerminal) return;
    process.stdout.write('\x1b[?2004l');
    shortenHistory(this.#historyFile);
  }

  #tell(typed: Typed): void {
    const take = this.#take;
    this.#take = undefined;
    if (take) take(typed);
    else this.#waiting.push(typed);
  }
}

/** The newest first, as the editor wants it. */
function readHistory(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean).slice(-maxHistory).reverse();
  } catch {
    return [];
  }
}

function shortenHistory(path: string): void {
  try {
    const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
    if (lines.length > 2 * maxHistory) writeFileSync(path, `${lines.slice(-maxHistory).join('\n')}\n`, { mode: 0o600 });
    chmodSync(path, 0o600);
  } catch {
    // There is none.
  }
}
