import type { Limits } from '../core/index.ts';
import { type GuestTool, type Order, orders, type Program } from '../guest-protocol/index.ts';
import type { Runtime } from './runtimes.ts';

const workspace = '/mnt/data';
/** Compiled programs lie here, outside the workspace, which belongs to the user. */
const programs = '/tmp/.dragoman';

export interface ProgramOptions {
  /** The source's path in the workspace. */
  readonly entry: string;
  readonly code: string;
  readonly args: readonly string[];
  readonly limits: Limits;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** What happens before a program runs (compiler or check), and the arguments that the program gets. */
export interface Preparation {
  /** Command line that makes `{output}`; undefined when the source is run as it is. */
  readonly argv: readonly string[] | undefined;
  readonly args: readonly string[];
}

/** Plans what happens before a program runs: a check is run when the first argument asks for it. */
export function preparationOf({ compile, check }: Runtime, args: readonly string[]): Preparation {
  if (check && args[0] === check.argument) return { argv: check.argv, args: args.slice(1) };
  return { argv: compile?.argv, args };
}

/** Whether the source is in the workspace while the program runs: code that runs or reads itself needs the file. */
export function needsSource({ compile, stays }: Runtime, code: string): boolean {
  return !compile && (stays?.test(code) ?? false);
}

/** How a program of a runtime starts. */
export function programOf(runtime: Runtime, { entry, code, args, limits, env: given }: ProgramOptions): Program {
  const path = `${workspace}/${entry}`;
  const { run, env } = runtime;
  const stays = needsSource(runtime, code);
  switch (run.kind) {
    case 'parked':
      return { kind: 'parked', entry: path, args, stays };
    case 'program': {
      const output = runtime.compile && compiledPath(runtime.compile.output);
      const argv = run.argv.flatMap((word) =>
        word === '{args}' ? args : fillWords([word], { entry, output: output ?? '', limits }),
      );
      // Its start-up file removes the source once the interpreter has it open.
      const removal = runtime.compile || stays ? {} : { _PROGRAM_SOURCE: path };
      return { kind: 'program', argv, env: { ...given, ...env, ...run.env, ...removal } };
    }
  }
}

/** How a program that may call tools starts: programs of the image learn the tools' names from their environment. */
export function toolProgramOf(runtime: Runtime, options: ProgramOptions, tools: readonly GuestTool[]): Program {
  const program = programOf(runtime, options);
  if (program.kind === 'parked') return program;
  const names = tools.map(({ identifier, name }) => `${identifier} ${name}\n`).join('');
  const env = Object.entries(runtime.tools?.env ?? {}).map(([key, value]) => [
    key,
    value.replace('{names}', () => names),
  ]);
  return { ...program, env: { ...program.env, ...Object.fromEntries(env) } };
}

/**
 * Fills in the placeholders of a command line: `{entry}` (absolute path of the source), `{name}` (its path in the workspace),
 * `{output}`, and `{heapMiB}`, the share of the memory limit that a garbage collector may use.
 */
export function fillWords(
  words: readonly string[],
  { entry, output, limits }: { entry: string; output: string; limits: Pick<Limits, 'memoryBytes'> },
): string[] {
  const heapMiB = Math.floor((limits.memoryBytes * 0.6) / 1024 ** 2);
  return words.map((word) =>
    word
      .replace('{heapMiB}', String(heapMiB))
      .replace('{output}', () => output)
      .replaceAll('{entry}', () => `${workspace}/${entry}`)
      .replace('{name}', () => entry),
  );
}

/** Where a compiled program of this name is staged. */
export function compiledPath(output: string): string {
  return `${programs}/${output}`;
}

/** The order that puts a source into the workspace. */
export function writeSource({ path, code }: { path: string; code: string }): Order {
  return orders.write({ path, mode: 0o644, content: Buffer.from(code) });
}

/** A name for the source that no input has: the runtime's own name, or the next free one. */
export function entryName(runtime: Runtime, taken: ReadonlySet<string>): string {
  const dot = runtime.entry.lastIndexOf('.');
  const [stem, extension] = [runtime.entry.slice(0, dot), runtime.entry.slice(dot)];
  for (let number = 1; ; number++) {
    const name = number === 1 ? runtime.entry : `${stem}_${number}${extension}`;
    if (!taken.has(name)) return name;
  }
}
