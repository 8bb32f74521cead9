import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Language, Session } from '#client';
import { atService, type ClientContext, type CommonOptions, type Work, withServiceOptions } from './command.ts';
import { CommandError } from './command-error.ts';
import { needsMore } from './completeness.ts';
import { endingOf } from './exit-code.ts';
import { prepareFolder } from './folders.ts';
import { putFiles } from './inputs.ts';
import { LineReader } from './line-reader.ts';
import { repeated } from './option-values.ts';
import type { Environment } from './profiles.ts';
import { shown } from './terminal.ts';
import { saveArtifacts, told } from './told.ts';

interface ReplOptions extends Omit<CommonOptions, 'json'> {
  readonly session?: string;
  readonly file: readonly string[];
  readonly out?: string;
}

/** Adds `repl [language]`: a prompt in front of a kernel that lives on. */
export function addReplCommand(program: Command, context: ClientContext): void {
  withServiceOptions(program.command('repl'))
    .description('a prompt in front of a live kernel')
    .argument('[language]', 'what is spoken there', 'python')
    .option('-s, --session <id>', 'go on in a session')
    .option('-f, --file <path[:name]>', 'put a file into it first; may be given again', repeated, [])
    .option('-o, --out <folder>', 'save what the code makes, and figures')
    .addHelpText('after', `\nAt the prompt:\n${commandHelp}`)
    .action((language: string, options: ReplOptions) =>
      atService(context, options, (work) => new Repl(work, context.env, options).run(language)),
    );
}

const commandHelp = `  :help             this list
  :files            the files of the session
  :restart          forget all variables
  :notebook <file>  save the session as a Jupyter notebook
  :quit             leave; so does Ctrl-D
Ctrl-C interrupts what runs and keeps the variables. An empty line ends a block. Tab completes.`;

class Repl {
  readonly #work: Work;
  readonly #env: Environment;
  readonly #options: ReplOptions;
  /** Of the piece that is being typed. */
  #lines: string[] = [];

  constructor(work: Work, env: Environment, options: ReplOptions) {
    this.#work = work;
    this.#env = env;
    this.#options = options;
  }

  async run(name: string): Promise<void> {
    const { dragoman, terminal, signal } = this.#work;
    prepareFolder(this.#options.out);
    const language = languageOf(await dragoman.languages({ signal }), name);
    const given = this.#options.session;
    const session =
      given !== undefined
        ? dragoman.sessions.open(given)
        : await dragoman.sessions.create({ name: 'dragoman repl' }, { signal });
    // Without a line nothing else would ask for it.
    if (given !== undefined) await session.info({ signal });
    await putFiles(session, this.#options.file, this.#work);
    const reader = new LineReader({
      historyFile: join(
        this.#env.XDG_STATE_HOME || join(homedir(), '.local/state'),
        'dragoman',
        `history-${language.name}`,
      ),
      complete: (line) => completionsOf(session, language, [...this.#lines, line].join('\n'), line),
    });
    if (reader.isTerminal) {
      const version = Object.entries(language.versions).map((entry) => entry.join(' '))[0] ?? '';
      terminal.note(
        `${language.title} (${version}) in a sandbox of ${this.#work.service.url}. :help tells more, Ctrl-D leaves.`,
      );
      if (!language.keeps_variables)
        terminal.note('This language keeps no variables: each piece is a program of its own.');
    }
    const ended = () => reader.close();
    signal.addEventListener('abort', ended, { once: true });
    try {
      await this.#loop(session, language, reader);
    } finally {
      signal.removeEventListener('abort', ended);
      reader.close();
    }
    signal.throwIfAborted();
    if (reader.isTerminal && !given)
      terminal.note(`The session stays for a while: dragoman repl ${language.name} --session ${session.id}`);
  }

  async #loop(session: Session, language: Language, reader: LineReader): Promise<void> {
    for (;;) {
      const typed = await reader.next(this.#lines.length === 0 ? '>>> ' : '... ');
      if (typed.kind === 'interrupt') {
        reader.clearLine();
        this.#lines = [];
        continue;
      }
      if (typed.kind === 'line') {
        if (this.#lines.length === 0 && typed.text.trim() === '') continue;
        if (this.#lines.length === 0 && /^:\w+( .*)?$/.test(typed.text)) {
          if (typed.text.trim() === ':quit') return;
          await this.#command(session, typed.text.trim());
          continue;
        }
        this.#lines.push(typed.text);
        if (typed.isPasted || needsMore(language.name, this.#lines)) continue;
      }
      const code = this.#lines.join('\n');
      this.#lines = [];
      if (code.trim() !== '') {
        reader.remember(code);
        reader.rest();
        await this.#execute(session, language, code, reader.isTerminal);
      }
      if (typed.kind === 'end') {
        if (reader.isTerminal) process.stdout.write('\n');
        return;
      }
    }
  }

  /** Runs a cell. From a pipe the first one that fails is the exit code, and the end, as of any interpreter that reads a file. */
  async #execute(session: Session, language: Language, code: string, isTerminal: boolean): Promise<void> {
    const { terminal, signal } = this.#work;
    const interrupt = () => {
      session.interrupt({ timeoutMs: 5000 }).catch(() => {});
    };
    // The command's own handler would end the prompt.
    const handlers = isTerminal ? process.listeners('SIGINT') : [];
    for (const handler of handlers) process.off('SIGINT', handler);
    if (isTerminal) process.on('SIGINT', interrupt);
    try {
      const execution = await session.start({ language: language.name, code }, { signal });
      const result = await told(execution, terminal, { figures: this.#options.out });
      const ending = endingOf(result);
      if (ending) terminal.note(ending, 'yellow');
      if (result.interpreter === 'lost') terminal.note('The variables are lost; the files are still there.', 'yellow');
      else if (result.restored) terminal.note(result.restored.message, 'yellow');
      else if (result.state === 'restored')
        terminal.note('The kernel was started anew: variables are gone, files are there.', 'yellow');
      if (this.#options.out !== undefined) await saveArtifacts(this.#work, result, this.#options.out);
      if (!isTerminal && result.exit_code) process.exitCode = result.exit_code;
    } finally {
      process.off('SIGINT', interrupt);
      for (const handler of handlers) process.on('SIGINT', handler);
    }
  }

  async #command(session: Session, line: string): Promise<void> {
    const { terminal, signal } = this.#work;
    const [word, argument] = line.split(/\s+(.*)/);
    if (word === ':files')
      for (const { path, size } of await session.files.list({ signal }))
        terminal.line(`${String(size).padStart(10)}  ${shown(path)}`);
    else if (word === ':restart') {
      await session.restart({ signal });
      terminal.note('The variables are forgotten.');
    } else if (word === ':notebook' && argument) {
      writeFileSync(argument, JSON.stringify(await session.notebook({ signal }), null, 1));
      terminal.note(`Saved ${shown(argument)}`);
    } else terminal.note(commandHelp);
  }
}

/** What could stand in place of the last part of the line. A kernel that is busy, or does not answer, has nothing to say. */
async function completionsOf(
  session: Session,
  language: Language,
  code: string,
  line: string,
): Promise<[string[], string]> {
  if (!language.keeps_variables) return [[], line];
  const { matches, start, end } = await session.complete({ language: language.name, code }, { timeoutMs: 4000 });
  const begun = [...code].slice(start, end).join('');
  // Names come from a sandbox, and what begins on an earlier line cannot be replaced here.
  const safe = matches.filter((match) => shown(match) === match);
  return line.endsWith(begun) ? [safe, begun] : [[], line];
}

function languageOf(languages: readonly Language[], name: string): Language {
  const wanted = name.toLowerCase();
  const found = languages.find((language) => language.name === wanted || language.aliases.includes(wanted));
  if (found) return found;
  throw new CommandError(
    `There is no language ${shown(name)}. There are ${languages.map((language) => language.name).join(', ')}.`,
  );
}
