import type { Limits } from '../core/index.ts';
import { orders } from '../guest-protocol/index.ts';
import type { Sandbox } from '../sandbox/index.ts';
import { runIn } from './run.ts';
import type { Runtime, RuntimeCatalogue } from './runtimes.ts';

/** How programs of a language are compiled and started: command lines with placeholders in braces. */
export interface LanguageCommands {
  /** Null: the source itself is run. */
  readonly compile: readonly string[] | null;
  readonly run: readonly string[];
  /** The check of the source that runs when a program's first argument is this word; null: none. */
  readonly check: { readonly argument: string; readonly command: readonly string[] } | null;
}

/** The command lines of a language, for people to read. */
export function commandsOf(runtime: Runtime, { parks }: RuntimeCatalogue): LanguageCommands {
  const compile = runtime.compile?.argv ?? null;
  const check = runtime.check ? { argument: runtime.check.argument, command: runtime.check.argv } : null;
  switch (runtime.run.kind) {
    case 'parked': {
      const park = parks.get(runtime.run.park)!;
      // The last word of a parked program is the script that waits; a fork is a Python that has begun.
      const program = 'module' in park ? ['python3'] : Array.isArray(park) ? park.slice(0, -1) : [];
      return { compile, check, run: [...program, '{entry}', '{args}'] };
    }
    case 'program':
      return { compile, check, run: runtime.run.argv };
  }
}

const usualDeadlineMs = 20_000;

/**
 * Asks the image for the versions of its languages, all in one sandbox.
 * @returns by the runtime's name, then by the name of what has the version; commands that fail are left out
 */
export async function askVersions(
  runtimes: readonly Runtime[],
  sandbox: Sandbox,
  limits: Limits,
): Promise<Map<string, Record<string, string>>> {
  const questions = runtimes.flatMap(({ name, versions }) =>
    Object.entries(versions).map(([what, argv]) => ({ name, what, argv })),
  );
  const script = questions.map(({ argv }, at) => `echo "@${at}"; ${argv.map(quoted).join(' ')} 2>&1 | head -n 4`);
  const argv = ['sh', '-c', script.join('\n')];
  const env = Object.assign({}, ...runtimes.map((runtime) => runtime.env));
  const start = (token: string) => orders.run(token, { kind: 'program', argv, env });
  const wallMs = usualDeadlineMs * sandbox.pace;
  const { stdout } = await runIn(sandbox, { before: [], start }, { limits: { ...limits, wallMs } });
  const found = new Map<string, Record<string, string>>(runtimes.map(({ name }) => [name, {}]));
  for (const answer of stdout.text.split(/^@/m).slice(1)) {
    const question = questions[Number.parseInt(answer, 10)];
    const version = /\d+(\.\d+)+/.exec(answer.slice(answer.indexOf('\n') + 1))?.[0];
    if (question && version) found.get(question.name)![question.what] = version;
  }
  return found;
}

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
