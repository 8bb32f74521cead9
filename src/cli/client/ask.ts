import type { Command } from 'commander';
import type { Session, StoredFile } from '#client';
import { atService, type ClientContext, type CommonOptions, type Work, withServiceOptions } from './command.ts';
import { CommandError } from './command-error.ts';
import { prepareFolder } from './folders.ts';
import { putFiles } from './inputs.ts';
import { repeated } from './option-values.ts';
import { saveArtifacts } from './told.ts';

interface AskOptions extends CommonOptions {
  readonly file: readonly string[];
  readonly out?: string;
  readonly session?: string;
  readonly model?: string;
  readonly showCode: boolean;
}

/** Adds `ask "…"`: lets a model answer that may run code. */
export function addAskCommand(program: Command, context: ClientContext): void {
  withServiceOptions(program.command('ask'))
    .description('let a model answer, which runs code where it helps')
    .argument('<prompt...>', 'what to ask')
    .option('-f, --file <path[:name]>', 'a file for its code; may be given again', repeated, [])
    .option('-o, --out <folder>', 'save the files its code makes or changes')
    .option('-s, --session <id>', 'where its code runs; variables and files of before are there')
    .option('-m, --model <name>', 'the model; by default that of the service')
    .option('--no-show-code', 'do not show the code and what it prints')
    .addHelpText('after', '\nExample:\n  dragoman ask "Plot the amounts by month" --file sales.csv --out figures')
    .action((prompt: string[], options: AskOptions) =>
      atService(context, options, (work) => ask(work, prompt.join(' '), options)),
    );
}

async function ask(work: Work, prompt: string, options: AskOptions): Promise<void> {
  const { dragoman, terminal, signal } = work;
  prepareFolder(options.out);
  const session =
    options.session === undefined
      ? await dragoman.sessions.create({ name: 'dragoman ask' }, { signal })
      : dragoman.sessions.open(options.session);
  await putFiles(session, options.file, work);
  const before = await session.files.list({ signal });
  const code: string[] = [];
  let [text, responseId, status, current] = ['', '', '', ''];
  const shows = options.showCode && !options.json;
  terminal.status('Thinking');
  for await (const event of dragoman.ask({ prompt, sessionId: session.id, model: options.model }, { signal })) {
    if (event.type === 'text') {
      text += event.text;
      if (!options.json) terminal.program('out', event.text);
    } else if (event.type === 'code') {
      current += event.text;
      if (shows) terminal.program('err', event.text);
    } else if (event.type === 'running') {
      code.push(current);
      current = '';
      if (shows) terminal.note('\n--- running');
    } else if (event.type === 'output') {
      if (shows) terminal.program('err', event.text.endsWith('\n') ? event.text : `${event.text}\n`);
      if (shows) terminal.note('---');
    } else if (event.type === 'done') [responseId, status] = [event.responseId, event.status];
  }
  if (!options.json && text !== '' && !text.endsWith('\n')) terminal.line();
  const made = await changed(session, before, signal);
  const artifacts = made.map((file) => ({ ...file, change: 'created' as const }));
  const saved =
    options.out === undefined
      ? []
      : await saveArtifacts(
          work,
          { session_id: session.id, artifacts, lost: [], artifacts_lost: 0, truncated: false },
          options.out,
        );
  if (options.json)
    terminal.json({ response_id: responseId, status, session_id: session.id, text, code, files: made, saved });
  else if (made.length > 0 && options.out === undefined)
    terminal.note(`It made ${made.length} files: dragoman files get ${session.id}`);
  else if (options.session === undefined) terminal.note(`Go on with --session ${session.id}`);
  if (status !== 'completed') throw new CommandError(`The answer is not whole: ${status || 'the service ended it'}.`);
}

/** Files that were not there before, or have another content. */
async function changed(session: Session, before: readonly StoredFile[], signal: AbortSignal): Promise<StoredFile[]> {
  const known = new Map(before.map(({ path, sha256 }) => [path, sha256]));
  return (await session.files.list({ signal })).filter(({ path, sha256 }) => known.get(path) !== sha256);
}
