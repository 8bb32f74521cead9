import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/**
 * The message and the code of a fault in OpenAI's API.
 * @param given what the client sent: only its type is repeated
 * @param param the field; empty for the whole body
 */
export function faultWords(issue: Issue, given: unknown, param: string): { message: string; code: string } {
  const field = param === '' ? 'the body' : `'${param}'`;
  // The schema has a message of its own.
  if (!/^(?:Invalid|Too) /.test(issue.message))
    return { message: `Invalid value for ${field}: ${issue.message}.`, code: 'invalid_value' };
  const wrongType = (...expected: readonly string[]) => ({
    message: `Invalid type for ${field}: expected ${listed(expected.map(withArticle), 'or')}, but got ${typeOf(given)} instead.`,
    code: 'invalid_type',
  });
  const unknownValue = (values: readonly unknown[]) => ({
    message: `Invalid value for ${field}. Supported values are: ${listed(
      values.map((value) => `'${value}'`),
      'and',
    )}.`,
    code: 'invalid_value',
  });
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected);
    case 'invalid_value':
      return typeof given === typeof issue.values[0] ? unknownValue(issue.values) : wrongType(typeof issue.values[0]);
    case 'invalid_union': {
      if ('options' in issue) return unknownValue((issue.options as unknown[]).filter((value) => value !== undefined));
      const branches = issue.errors.flatMap(([first]) => first ?? []);
      const named = branches.find(({ code }) => code === 'invalid_value') as { values?: unknown[] } | undefined;
      if (named?.values && typeof given === 'string') return unknownValue(named.values);
      const types = branches.map((branch) => (branch.code === 'invalid_type' ? branch.expected : 'string'));
      return wrongType(...new Set(types));
    }
    case 'too_big':
    case 'too_small':
      return { message: `Invalid ${field}: ${beyond(issue)}`, code: beyondCode(issue, given) };
    case 'invalid_key': {
      const [inner] = issue.issues;
      const isLong = inner?.code === 'too_big';
      return {
        message: `Invalid key in ${field}: ${isLong ? beyond(inner) : 'it cannot be used.'}`,
        code: isLong ? 'string_above_max_length' : 'invalid_value',
      };
    }
    default:
      return { message: `Invalid value for ${field}.`, code: 'invalid_value' };
  }
}

type Beyond = Extract<Issue, { code: 'too_big' | 'too_small' }>;

function beyond(issue: Beyond): string {
  const isBig = issue.code === 'too_big';
  const bound = isBig ? issue.maximum : issue.minimum;
  if (issue.origin === 'string' || issue.origin === 'array') {
    const what = withArticle(issue.origin);
    return `${issue.origin} too ${isBig ? 'long' : 'short'}. Expected ${what} with ${isBig ? 'maximum' : 'minimum'} length ${bound}.`;
  }
  const sign = (isBig ? '<' : '>') + (issue.inclusive === false ? '' : '=');
  return `${isBig ? 'above maximum' : 'below minimum'} value. Expected a value ${sign} ${bound}.`;
}

function beyondCode(issue: Beyond, given: unknown): string {
  const isBig = issue.code === 'too_big';
  const { origin } = issue;
  if (origin === 'string' || origin === 'array') {
    if (!isBig && (given as { length: number }).length === 0) return `empty_${origin}`;
    return `${origin}_${isBig ? 'above_max' : 'below_min'}_length`;
  }
  return `${Number.isInteger(Number(given)) ? 'integer' : 'decimal'}_${isBig ? 'above_max' : 'below_min'}_value`;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Number.isInteger(value)) return 'an integer';
  if (typeof value === 'number') return 'a number';
  return withArticle(Array.isArray(value) ? 'array' : typeof value);
}

function withArticle(type: string): string {
  const word = type === 'int' ? 'integer' : type === 'record' ? 'object' : type;
  return `${/^[aio]/.test(word) ? 'an' : 'a'} ${word}`;
}

function listed(words: readonly string[], last: string): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
}
