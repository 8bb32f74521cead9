import { expect, it } from 'vitest';
import { z } from 'zod';
import { parse } from './parse.ts';

it('says that a body is missing', () => {
  expect(() => parse(z.object({ model: z.string() }), undefined)).toThrow('The request needs a JSON body.');
  expect(() => parse(z.object({ model: z.string() }), [])).toThrow('Invalid type for the body: expected an object');
});
