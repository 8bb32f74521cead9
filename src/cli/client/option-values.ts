import { InvalidArgumentError } from 'commander';

/** An option that may be given several times. */
export const repeated = (value: string, before: readonly string[]): string[] => [...before, value];

/** Seconds, with a fraction if need be, as milliseconds. */
export function milliseconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0)) throw new InvalidArgumentError('It must be a number of seconds.');
  return Math.round(seconds * 1000);
}

export function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('It must be a whole number from 1.');
  return number;
}
