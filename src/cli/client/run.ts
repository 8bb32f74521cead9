import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { Code, Dragoman, Session } from '#client';
import { atService, type ClientContext, type CommonOptions, type Work, withServiceOptions } from './command.ts';
import { CommandError } from './command-error.ts';
import { endingOf, exitCodeOf } from './exit-code.ts';
import { prepareFolder } from './folders.ts';
import { pipedInput, putFiles, readable } from './inputs.ts';
import { milliseconds, repeated } from './option-values.ts';
import { shown } from './terminal.ts';
import { saveArtifacts, told } from './told.ts';

interface RunOptions extends CommonOptions {
  readonly lang?: string;
  readonly file: readonly string[];
  readonly out?: string;
  readonly session?: string;
  readonly timeout?: number;
  readonly stdin: boolean;
}

/** Adds `run FILE|-`: runs a program, and ends as it ended. */
export function addRunCommand(program: Command, context: ClientContext): void {
  withServiceOptions(program.command('run'))
    .description('run a program in a sandbox; ends with its exit code')
    .argument('<file>', 'a file with code, or - for standard input')
    .argument('[args...]', 'arguments of the program; after -- they may look like options')
    .option('-l, --lang <language>', 'its language; by default what the ending of the file says, Python for -')
    .option(
      '-f, --file <path[:name]>',
      'put a file next to it, under its own or another name; may be given again',
      repeated,
      [],
    )
    .option('-o, --out <folder>', 'save the files it makes or changes')
    .option('-s, --session <id>', 'run it in a session, where variables and files stay')
    .option('-t, --timeout <seconds>', 'longest time it may run', milliseconds)
    .option('--no-stdin', 'do not hand it what comes in a pipe')
    .addHelpText('after', help)
    .action((file: string, args: string[], options: RunOptions) =>
      atService(context, options, (work) => run(work, file, args, options)),
    );
}

const help = `
Examples:
  dragoman run plot.py --file sales.csv --out figures
  echo 'print(6 * 7)' | dragoman run -
  dragoman run main.c -- --flag
  dragoman run step.py --session $ID

Exit codes: the program's own; 124 its time was over, 137 its memory, 130 it was cancelled, 128 + n signal n ended it;
125 the command itself failed (a wrong option, a missing file, results that could not be saved) or the service refused.`;

async function run(work: Work, file: string, args: readonly string[], options: RunOptions): Promise<void> {
  const { dragoman, terminal, signal } = work;
  prepareFolder(options.out);
  const language = options.lang ?? languageOf(file);
  const source = file === '-' ? await text(process.stdin) : await sourceOf(file);
  const stdin = file === '-' || !options.stdin ? undefined : await pipedInput(work);
  const code: Code = { language, code: source, ...(options.timeout ? { timeout_ms: options.timeout } : {}) };
  if (args.length > 0) code.args = [...args];
  // A file is a program, with an end of its own; in a session it is a cell, unless it is given what only programs take.
  if (stdin !== undefined || options.session === undefined) code.stdin = stdin ?? '';

  const place = await placeOf(dragoman, options, work);
  try {
    const execution = await (place ?? dragoman).start(code, { signal });
    const result = await told(execution, terminal, { quiet: options.json === true, figures: options.out });
    const saved = options.out === undefined ? [] : await saveArtifacts(work, result, options.out);
    if (options.json) terminal.json({ ...result, ...(options.out === undefined ? {} : { saved }) });
    const ending = endingOf(result);
    if (ending && !options.json) terminal.note(ending, 'yellow');
    process.exitCode = exitCodeOf(result) || process.exitCode;
  } finally {
    // Files that were put next to the program are no longer of use.
    if (place && options.session === undefined) await place.delete({ timeoutMs: 5000 }).catch(() => {});
  }
}

/** The session to run in; undefined: a program without files needs none. */
async function placeOf(dragoman: Dragoman, options: RunOptions, work: Work): Promise<Session | undefined> {
  const { signal } = work;
  if (options.session === undefined && options.file.length === 0) return undefined;
  const session =
    options.session === undefined
      ? await dragoman.sessions.create({ name: 'dragoman run' }, { signal })
      : dragoman.sessions.open(options.session);
  await putFiles(session, options.file, work);
  return session;
}

function languageOf(file: string): string {
  if (file === '-') return 'python';
  const ending = extname(file).slice(1);
  if (ending === 'ipynb') throw new CommandError(`${shown(file)} is a notebook: dragoman notebook run ${shown(file)}`);
  if (ending === '')
    throw new CommandError(`The name ${shown(file)} does not say the language: add --lang <language>.`);
  return ending;
}

async function sourceOf(file: string): Promise<string> {
  await readable(file);
  return readFile(file, 'utf8');
}
