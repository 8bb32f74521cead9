import { nanoid } from 'nanoid';

/** Sessions, files and executions share one shape of id, LibreChat's own rule: 21 characters of `[A-Za-z0-9_-]`. */
export const idPattern = /^[A-Za-z0-9_-]{21}$/;

/** Makes a new id (126 random bits). None begins with a hyphen: a command line would take it for an option. */
export function newId(): string {
  for (;;) {
    const id = nanoid(21);
    if (!id.startsWith('-')) return id;
  }
}

/** Tells whether a string a client sent has the shape of an id; says nothing of whether it exists. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && idPattern.test(value);
}
