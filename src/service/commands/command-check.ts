import { DragomanError, type TerminalSize } from '../../core/index.ts';
import type { NewCommand } from './commands.ts';

/** Linux allows 128 KiB for one argument, and our orders are JSON. */
const maxArguments = 1000;
const maxArgumentBytes = 100 * 1024;
const maxBytes = 256 * 1024;
const maxVariables = 500;
const maxTagLength = 200;
const maxSide = 1000;

/** Checks what a caller asks for. @throws DragomanError invalid_request */
export function checkCommand({ argv, cwd = '', env = {}, tag = '', terminal }: NewCommand): void {
  const refuse = (message: string) => {
    throw new DragomanError('invalid_request', { message });
  };
  const names = Object.keys(env);
  const texts = [...argv, cwd, tag, ...names, ...Object.values(env)];
  if (argv.length === 0 || argv[0] === '') refuse('a command names a program');
  if (argv.length > maxArguments) refuse(`a command has at most ${maxArguments} arguments`);
  if (names.length > maxVariables) refuse(`a command has at most ${maxVariables} variables in its environment`);
  if (names.some((name) => name === '' || name.includes('=')))
    refuse('the name of a variable is not empty and has no equals sign');
  if (texts.some((text) => text.includes('\0') || !text.isWellFormed()))
    refuse('a command has no NUL and no half characters');
  const sizes = texts.map((text) => Buffer.byteLength(text));
  if (sizes.some((size) => size > maxArgumentBytes) || sizes.reduce((sum, size) => sum + size, 0) > maxBytes)
    refuse(`the words of a command take at most ${maxArgumentBytes} bytes each and ${maxBytes} bytes together`);
  if (tag.length > maxTagLength) refuse(`a tag has at most ${maxTagLength} characters`);
  if (terminal) checkSize(terminal);
}

/** @throws DragomanError invalid_request */
export function checkSize({ columns, rows }: TerminalSize): void {
  if ([columns, rows].some((side) => !Number.isInteger(side) || side < 1 || side > maxSide))
    throw new DragomanError('invalid_request', { message: `a terminal has 1 to ${maxSide} columns and rows` });
}
