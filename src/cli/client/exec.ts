import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { ApiError, type CommandEvent, type CommandSignal, type Session } from '#client';
import { atService, type ClientContext, type CommonOptions, type Work, withServiceOptions } from './command.ts';
import { CommandError, Stopped } from './command-error.ts';
import { endingOf, exitCodeOf } from './exit-code.ts';
import { hasInput } from './inputs.ts';
import { milliseconds, repeated } from './option-values.ts';
import { shown, type Terminal } from './terminal.ts';

interface ExecOptions extends CommonOptions {
  readonly cwd?: string;
  readonly env: readonly string[];
  readonly timeout?: number;
  readonly stdin: boolean;
}

type Ended = Extract<CommandEvent, { type: 'ended' }>;

/** A command that got a signal is killed after so long. Its events have two seconds more, until the process ends. */
const endMs = 4000;
/** How often a command is asked whether it takes more input, when it does not read. */
const fullMs = 200;
/** Of both streams, with `--json`. */
const mostBytes = 64 * 1024 * 1024;

/** Adds `exec SESSION -- COMMAND…`: runs a command beside the code of a session, and ends as it ended. */
export function addExecCommand(program: Command, context: ClientContext): void {
  withServiceOptions(program.command('exec'))
    .description('run a command in the sandbox of a session; ends with its exit code')
    .argument('<session>', 'its id')
    .argument('<command...>', 'a program and its arguments, after --')
    .option('-w, --cwd <path>', 'where it begins: absolute, or relative to the workspace')
    .option('-e, --env <name=value>', 'a variable of its environment; may be given again', repeated, [])
    .option('-t, --timeout <seconds>', 'longest time it may run', milliseconds)
    .option('--no-stdin', 'do not hand it standard input')
    .addHelpText('after', help)
    .action((id: string, argv: string[], options: ExecOptions) =>
      atService(context, options, (work) => exec(work, id, argv, options)),
    );
}

const help = `
Examples:
  dragoman exec $ID -- ls -l /tmp
  dragoman exec $ID -- bash -c 'grep -c error *.log | sort'
  tar c src | dragoman exec $ID -- tar x

Exit codes are those of "dragoman run". Ctrl-C sends SIGINT to the command; one that goes on for 4 seconds after it is killed.`;

async function exec({ dragoman, terminal, signal }: Work, id: string, argv: string[], options: ExecOptions) {
  const session = dragoman.sessions.open(id);
  const takesInput = options.stdin && hasInput();
  // Not given up half-way: a command that has started has to be told of the signal.
  const { id: command } = await session.commands.start({
    argv,
    cwd: options.cwd ?? null,
    env: variablesOf(options.env),
    stdin: takesInput,
    timeout_ms: options.timeout ?? null,
  });
  const over = new AbortController();
  const stop = () => void end(session, command, signal.reason, over.signal).catch(() => {});
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  let failure: unknown;
  if (takesInput)
    hand(session, command, over.signal).catch((error) => {
      if (over.signal.aborted) return;
      failure = error;
      void session.commands.signal(command, 'SIGKILL').catch(() => {});
    });
  try {
    const said = options.json ? new Said() : undefined;
    let ended: Ended | undefined;
    // They end when the files that it left are recorded: the next command finds them.
    for await (const event of session.commands.events(command)) {
      if (event.type === 'ended') ended = event;
      else if (said) said.add(event);
      else if (event.type === 'stdout') await terminal.bytes('out', event.data);
      else if (event.type === 'stderr') await terminal.bytes('err', event.data);
      else if (event.type === 'gap' && !signal.aborted)
        terminal.note('Some output is lost: it was not read in time.', 'yellow');
    }
    if (terminal.closed.aborted) throw terminal.closed.reason;
    if (failure) throw failure;
    if (!ended) throw new CommandError('The service does not tell how the command ended.');
    const { reason, exit_code, signal: by } = ended;
    if (said) terminal.json({ session_id: id, command_id: command, reason, exit_code, signal: by, ...said.whole() });
    conclude(ended, said ? undefined : terminal);
  } finally {
    signal.removeEventListener('abort', stop);
    over.abort();
    process.stdin.destroy();
  }
}

/** Passes the signal on that ends this process, and kills a command that goes on. */
async function end({ commands }: Session, id: string, reason: unknown, over: AbortSignal): Promise<void> {
  const signals: Readonly<Record<number, CommandSignal>> = { 130: 'SIGINT', 143: 'SIGTERM' };
  // Without a reader of its output it is as without its terminal.
  const name = (reason instanceof Stopped && signals[reason.exitCode]) || 'SIGHUP';
  await commands.signal(id, name, { timeoutMs: endMs });
  await pause(endMs, undefined, { signal: over });
  await commands.signal(id, 'SIGKILL', { timeoutMs: endMs });
}

/** Hands standard input on as it comes, no faster than the command reads it. */
async function hand({ commands }: Session, id: string, over: AbortSignal): Promise<void> {
  for await (const piece of process.stdin) if (!(await taken(() => commands.write(id, piece), over))) return;
  await taken(() => commands.closeInput(id), over);
}

/** False: it has ended, or has closed its input. */
async function taken(write: () => Promise<void>, over: AbortSignal): Promise<boolean> {
  for (;;) {
    try {
      await write();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === 'conflict' || error.code === 'not_found') return false;
      if (error.code !== 'rate_limited') throw error;
      await pause(fullMs, undefined, { signal: over });
    }
  }
}

/** Ends this process as the command ended. @param terminal where to tell what ended it */
function conclude({ reason, exit_code, signal }: Ended, terminal: Terminal | undefined): void {
  if (reason === 'sandbox_gone') throw new CommandError('The sandbox of the session ended, and the command with it.');
  const outcome = reason === 'timed_out' || reason === 'out_of_memory' ? reason : 'completed';
  const ended = { outcome, exit_code, signal, error: null } as const;
  const ending = endingOf(ended);
  if (ending) terminal?.note(ending, 'yellow');
  process.exitCode = exitCodeOf(ended) || process.exitCode;
}

/** What a command says, for one document. */
class Said {
  readonly #pieces: Record<'stdout' | 'stderr', Uint8Array[]> = { stdout: [], stderr: [] };
  #bytes = 0;
  #truncated = false;

  add(event: CommandEvent): void {
    if (event.type === 'gap') this.#truncated = true;
    if (event.type !== 'stdout' && event.type !== 'stderr') return;
    this.#bytes += event.data.length;
    if (this.#bytes > mostBytes) this.#truncated = true;
    else this.#pieces[event.type].push(event.data);
  }

  whole(): { stdout: string; stderr: string; truncated: boolean } {
    const text = (stream: 'stdout' | 'stderr') => Buffer.concat(this.#pieces[stream]).toString();
    return { stdout: text('stdout'), stderr: text('stderr'), truncated: this.#truncated };
  }
}

/** @throws CommandError for one without an equals sign */
function variablesOf(given: readonly string[]): Record<string, string> {
  const pairs = given.map((text): [string, string] => {
    const at = text.indexOf('=');
    if (at < 1) throw new CommandError(`${shown(text)} is no variable: it looks like NAME=value.`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}
