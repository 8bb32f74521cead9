import { DragomanError, type Limits, type Plan, usualWallMs } from '../../core/index.ts';
import type { Language } from '../../runner/index.ts';

const maxCodeBytes = 8 * 1024 * 1024;
const maxArgs = 10_000;
const maxEnvBytes = 32 * 1024;
const maxArgsBytes = 128 * 1024;
/** By these, start-up files of languages know a program's source and its tools. */
const ownVariables: readonly string[] = ['_PROGRAM_SOURCE', '_PTC_NAMES'];

/** Languages by their names and aliases, of each list of them that a runner has given. */
const byWord = new WeakMap<readonly Language[], ReadonlyMap<string, Language>>();

/** The language of a name or alias, any case. @throws DragomanError unsupported_language, naming the languages there are */
export function languageOf(languages: readonly Language[], name: string): Language {
  let words = byWord.get(languages);
  if (!words) {
    // Of two with one word the first counts.
    words = new Map(
      languages.toReversed().flatMap((each) => [...each.aliases, each.name].map((word) => [word, each] as const)),
    );
    byWord.set(languages, words);
  }
  const found = words.get(name.toLowerCase());
  if (found) return found;
  const names = languages.map((language) => language.name).join(', ');
  throw new DragomanError('unsupported_language', {
    message: `Unsupported language: ${name.slice(0, 64)} (this image has ${names})`,
  });
}

/**
 * What a request asks for, as far as the plan allows it; only the wall clock may be asked to be longer than usual.
 * @param pace how many times as long as on the host's own processor programs take
 */
export function limitsWithin(plan: Plan, wallMs: number | undefined, pace: number | undefined): Limits {
  return { ...plan.limits, wallMs: Math.min(wallMs ?? usualWallMs(plan, pace), plan.maxWallMs) };
}

/** Checks what a program is given. @throws DragomanError invalid_request */
export function checkProgram({
  code,
  args = [],
  stdin = '',
  env = {},
}: {
  readonly code: string;
  readonly args?: readonly string[] | undefined;
  readonly stdin?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}): void {
  const refuse = (message: string) => {
    throw new DragomanError('invalid_request', { message });
  };
  if (code.includes('\0')) refuse('code must not contain NUL characters');
  if (Buffer.byteLength(code) > maxCodeBytes) refuse(`code must be at most ${maxCodeBytes} bytes`);
  if (args.some((arg) => arg.includes('\0'))) refuse('args must not contain NUL characters');
  // The kernel takes bytes: half a character has none.
  if (!args.every((arg) => arg.isWellFormed())) refuse('args must be valid Unicode');
  if (args.length > maxArgs) refuse(`args must be at most ${maxArgs}`);
  if (args.reduce((sum, arg) => sum + Buffer.byteLength(arg) + 1, 0) > maxArgsBytes) {
    refuse(`args must be at most ${maxArgsBytes} bytes together`);
  }
  const variables = Object.entries(env);
  if (!variables.every(([name]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)))
    refuse('the name of an environment variable is letters, digits and _, and begins with no digit');
  for (const name of ownVariables) if (Object.hasOwn(env, name)) refuse(`${name} is a variable of the service's own`);
  if (!variables.every(([, value]) => value.isWellFormed() && !value.includes('\0')))
    refuse('environment variables must be Unicode without NUL characters');
  if (variables.reduce((sum, [name, value]) => sum + Buffer.byteLength(name + value) + 2, 0) > maxEnvBytes)
    refuse(`environment variables must be at most ${maxEnvBytes} bytes together`);
  if (Buffer.byteLength(stdin) > maxCodeBytes) refuse(`stdin must be at most ${maxCodeBytes} bytes`);
}
