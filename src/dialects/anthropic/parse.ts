import type { z } from 'zod';
import { firstFault } from '../../http/index.ts';
import { invalid } from './errors.ts';

/** The path of a field can hold keys that the client chose. */
const longestPath = 256;

/**
 * Checks what a client sent.
 * @param within the field that `value` is, where it is not the whole body
 * @throws WireError naming the first fault by its path (`messages.1.content.0.text: Field required`), without repeating what was sent
 */
export function parse<S extends z.ZodType>(schema: S, value: unknown, within = ''): z.infer<S> {
  const result = safeParse(schema, value, within);
  if (result.success) return result.data;
  if (value === undefined && within === '') throw invalid('', 'The request needs a JSON body.');
  const { path, issue } = firstFault(result.error.issues[0]!);
  const where = [...(within === '' ? [] : [within]), ...path.map(String)].join('.').slice(0, longestPath);
  throw invalid(where, isMissing(value, path) ? 'Field required' : issue.message);
}

function safeParse<S extends z.ZodType>(schema: S, value: unknown, within: string) {
  try {
    return schema.safeParse(value);
  } catch {
    // A bounded list compares the `length` of the given value, and that of a hostile object can throw.
    throw invalid(within, 'The request is malformed.');
  }
}

function isMissing(value: unknown, path: readonly PropertyKey[]): boolean {
  const found = path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key],
    value,
  );
  return path.length > 0 && found === undefined;
}
