import { randomBytes } from 'node:crypto';

/** Longest command that is an argument: the kernel takes 128 KiB in one. */
const longestArgument = 100_000;

/**
 * Code of the session's shell that runs a command in a shell of its own: in the same sandbox, and `exit`, `cd` and variables end with it.
 */
export function inShell(command: string): string {
  if (Buffer.byteLength(command) <= longestArgument) return `command bash -c ${quoted(command)}`;
  return withInput('command bash /dev/fd/3', command, 3);
}

/** A word of the shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A command that gets a text by this descriptor. */
export function withInput(command: string, text: string, descriptor = 0): string {
  // The text is another's, and must not hold the line that ends it.
  const end = `END_${randomBytes(16).toString('hex')}`;
  return `${command} ${descriptor}<<'${end}'\n${text}\n${end}`;
}
