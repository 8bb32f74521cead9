import { idPattern } from '../../core/index.ts';

/**
 * Ids of sandboxes are labels of host names, which know no capitals, `_` or `-`. So a session's id is read as a number in base 64 and
 * written in base 36.
 */
const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';
const idLength = 21;
const spelledLength = 25;

/** A session's id as the id of a sandbox: 25 characters of `a-z` and `0-9`. */
export function sandboxId(sessionId: string): string {
  let number = 0n;
  for (const digit of sessionId) number = number * 64n + BigInt(digits.indexOf(digit));
  return number.toString(36).padStart(spelledLength, '0');
}

/** The session that a sandbox's id names; undefined for a text that is none. */
export function sessionId(spelled: string): string | undefined {
  if (!/^[a-z0-9]{25}$/.test(spelled)) return undefined;
  let number = 0n;
  for (const digit of spelled) number = number * 36n + BigInt(Number.parseInt(digit, 36));
  let id = '';
  for (let place = 0; place < idLength; place++) {
    id = digits[Number(number % 64n)] + id;
    number /= 64n;
  }
  return number === 0n && idPattern.test(id) ? id : undefined;
}
