import type { z } from 'zod';
import { firstFault } from '../../http/index.ts';
import { invalid } from './errors.ts';
import { faultWords } from './fault-words.ts';

/** The path of a field can hold keys that the client chose. */
const longestParam = 256;

/**
 * Checks what a client sent.
 * @throws WireError naming the first fault and its field (`tools[0].container`), without repeating what was sent
 */
export function parse<S extends z.ZodType>(schema: S, value: unknown): z.infer<S> {
  const result = safeParse(schema, value);
  if (result.success) return result.data;
  if (value === undefined) throw invalid('The request needs a JSON body.');
  const { path, issue } = firstFault(result.error.issues[0]!);
  const param = fieldName(path).slice(0, longestParam);
  const given = at(value, path);
  if (path.length > 0 && given === undefined)
    throw invalid(`Missing required parameter: '${param}'.`, param, 'missing_required_parameter');
  const { message, code } = faultWords(issue, given, param);
  throw invalid(message, param === '' ? undefined : param, code);
}

/**
 * The members of a list in a query string: `name[]=a&name[]=b` as the SDKs send it, `name=a&name=b`, or `name=a,b`.
 */
export function queryList(query: unknown, name: string): string[] {
  const values = query as Record<string, unknown>;
  return [values[`${name}[]`], values[name]]
    .flat()
    .filter((value) => typeof value === 'string')
    .flatMap((value) => value.split(','))
    .filter((value) => value !== '');
}

/** The error for a type of tool that is not served. It names the type, because a request can have many tools. */
export const unservedTool: z.core.$ZodErrorMap = (issue) => {
  if (issue.code !== 'invalid_union') return undefined;
  const { type } = (issue.input ?? {}) as { type?: unknown };
  const named = typeof type === 'string' && /^[\w.-]{1,64}$/.test(type) ? `${type} is not served here, ` : '';
  return `${named}only code_interpreter and function tools are`;
};

function safeParse<S extends z.ZodType>(schema: S, value: unknown) {
  try {
    return schema.safeParse(value);
  } catch {
    // A bounded list compares the `length` of the given value, and that of a hostile object can throw.
    throw invalid('The request is malformed.');
  }
}

function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('');
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value);
}
