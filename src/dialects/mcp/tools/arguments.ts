import { z } from 'zod';

/** Models send null for what they leave out, and numbers and flags as text. */

const given = <T extends z.ZodType>(type: T) => type.nullish().transform((value) => value ?? undefined);

const number = z.union([
  z.number(),
  z
    .string()
    .regex(/^\s*\d{1,9}(\.\d{1,9})?\s*$/, 'must be a number')
    .transform(Number),
]);
const boolean = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);

export const required = (name: string) =>
  z.string({
    error: (issue) =>
      issue.input === undefined || issue.input === null ? `is required: give ${name}` : 'must be text',
  });
export const optionalText = given(z.string({ error: 'must be text' }));
export const optionalFlag = given(boolean);
/** Longer than any limit is the limit. */
export const optionalSeconds = (min: number) =>
  given(
    number.pipe(
      z
        .number()
        .min(min, `must be at least ${min}`)
        .transform((value) => Math.min(value, 86_400)),
    ),
  );
export const optionalCount = given(number.pipe(z.int('must be a whole number').min(1, 'must be at least 1')));
/** A handle of ours. What is no such id is a session that does not exist. */
export const optionalHandle = given(z.string({ error: 'must be text' }).max(200, 'is no session_id'));
