import type { z } from 'zod';
import { DragomanError } from '../core/index.ts';

/**
 * Checks what a client sent.
 * @throws DragomanError invalid_request, naming the first fault without repeating what was sent
 */
export function parse<S extends z.ZodType>(schema: S, value: unknown): z.infer<S> {
  const result = safeParse(schema, value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const where = issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  throw new DragomanError('invalid_request', { message: where + issue.message });
}

function safeParse<S extends z.ZodType>(schema: S, value: unknown) {
  try {
    return schema.safeParse(value);
  } catch (cause) {
    // Bounded lists compare the `length` of whatever is in their place, and an object's need not be one that compares.
    throw new DragomanError('invalid_request', { message: 'the request is malformed', cause });
  }
}
