import type { Outcome, OutputText } from '../core/index.ts';
import { type Hints, hintsFor } from './hints.ts';
import type { Output } from './output.ts';

/** What the shells call the signals that end programs. */
const words: Readonly<Record<string, string>> = {
  SIGABRT: 'aborted',
  SIGALRM: 'an alarm that it did not handle',
  SIGBUS: 'bus error',
  SIGFPE: 'arithmetic error, such as a division by zero',
  SIGHUP: 'hangup',
  SIGILL: 'illegal instruction',
  SIGINT: 'interrupted',
  SIGKILL: 'killed',
  SIGPIPE: 'broken pipe',
  SIGSEGV: 'segmentation fault',
  SIGSYS: 'a system call that is not allowed',
  SIGTERM: 'terminated',
  SIGTRAP: 'trace trap',
  SIGXCPU: 'processor time limit exceeded',
  SIGXFSZ: 'file size limit exceeded',
};

/** What is said of caches, which go with the sandbox; undefined where there are none. */
export function notKept(caches: readonly string[]): string | undefined {
  return caches.length > 0 ? `[not kept, because it is a cache: ${caches.join(', ')}]` : undefined;
}

/** Stderr with a line more, of which listeners are told. */
export function withNote(
  stderr: OutputText,
  line: string | undefined,
  tell?: (event: { readonly type: 'stderr'; readonly data: Uint8Array }) => void,
): OutputText {
  if (line === undefined) return stderr;
  const added = `${stderr.text === '' || stderr.text.endsWith('\n') ? '' : '\n'}${line}\n`;
  tell?.({ type: 'stderr', data: Buffer.from(added) });
  return { ...stderr, text: stderr.text + added, bytes: stderr.bytes + Buffer.byteLength(added) };
}

/** Hints are looked for in so much of the end of stderr. */
const maxScanned = 16_384;

/** How something ended that ran in a sandbox. */
interface Ended {
  readonly outcome: Outcome;
  readonly signal: string | null;
}

/** What an epilogue is about. */
export interface EpilogueOptions {
  /** That ended: `program`, `compiler`, `interpreter`. */
  readonly what: string;
  readonly hints: Hints;
}

/**
 * Adds to stderr what its reader needs to know and the program did not say: the signal that ended it, and what replaces things that the
 * image lacks. Endings by a limit are left to the wires, which have words of their own for them.
 * @returns the lines, to be told as a last piece of stderr; undefined when there is nothing to say
 */
export function addEpilogue(
  stderr: Output,
  { outcome, signal }: Ended,
  { what, hints }: EpilogueOptions,
): Uint8Array | undefined {
  const said = stderr.end(maxScanned);
  const lines = hintsFor(said, hints);
  if (outcome === 'completed' && signal !== null) {
    const means = words[signal];
    lines.unshift(`[the ${what} was ended by ${signal}${means ? `: ${means}` : ''}]`);
  }
  if (lines.length === 0) return undefined;
  const text = Buffer.from(`${said === '' || said.endsWith('\n') ? '' : '\n'}${lines.join('\n')}\n`);
  stderr.push(text);
  return text;
}
