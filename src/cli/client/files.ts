import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import type { Download } from '#client';
import { atService, type ClientContext, type CommonOptions, type Work, withServiceOptions } from './command.ts';
import { CommandError, ownFault } from './command-error.ts';
import { prepareFolder } from './folders.ts';
import { localFileOf, readable, streamOf } from './inputs.ts';
import { wholeNumber } from './option-values.ts';
import { SafeText } from './safe-text.ts';
import { saveBelow } from './save.ts';
import { shown, table } from './terminal.ts';

/** Adds `files ls|get|put|rm`. */
export function addFileCommands(program: Command, context: ClientContext): void {
  const files = program.command('files').description('list, fetch, store and remove the files of a session');

  withServiceOptions(files.command('ls'))
    .description('list the files of a session')
    .argument('<session>', 'its id')
    .action((id: string, options: CommonOptions) =>
      atService(context, options, async ({ dragoman, terminal, signal }) => {
        const found = await dragoman.sessions.open(id).files.list({ signal });
        if (options.json) return terminal.json(found);
        if (found.length === 0) return terminal.note('It has no files.');
        const rows = found.map(({ path, size, created_at: made }) => [
          String(size),
          made.slice(0, 19).replace('T', ' '),
          shown(path),
        ]);
        const [head, ...lines] = table([['BYTES', 'STORED (UTC)', 'PATH'], ...rows]);
        terminal.line(terminal.styled('bold', head!));
        for (const line of lines) terminal.line(line);
      }),
    );

  withServiceOptions(files.command('get'))
    .description('fetch files of a session; without a path all of them')
    .argument('<session>', 'its id')
    .argument('[path...]', 'their paths in the session')
    .option('-o, --out <folder>', 'where to save them, in folders as in the session; - prints one', '.')
    .action((id: string, paths: string[], options: CommonOptions & { out: string }) =>
      atService(context, options, (work) => get(work, id, paths, options)),
    );

  withServiceOptions(files.command('preview'))
    .description('show what a file of a session holds: tables, documents, pages, archives')
    .argument('<session>', 'its id')
    .argument('<path>', 'its path in the session')
    .addOption(new Option('-f, --form <form>', 'what to show').choices(['text', 'json', 'html', 'png']).default('text'))
    .option('--page <n>', 'page, slide or frame of a picture, from 1', wholeNumber)
    .option('--sheet <n>', 'sheet of a workbook or table of a database, from 1', wholeNumber)
    .option('--row <n>', 'first row of a table, from 1', wholeNumber)
    .option('--width <pixels>', 'width of a picture', wholeNumber)
    .option('-o, --out <folder>', 'where to save it; - prints it', '-')
    .action((id: string, path: string, options: CommonOptions & PreviewOptions) =>
      atService(context, options, (work) => preview(work, id, path, options)),
    );

  withServiceOptions(files.command('put'))
    .description('store files in a session')
    .argument('<session>', 'its id')
    .argument('<file...>', 'files of this machine: data.csv, or data.csv:in/renamed.csv')
    .option('-t, --type <mime>', 'their MIME type')
    .action((id: string, given: string[], options: CommonOptions & { type?: string }) =>
      atService(context, options, async ({ dragoman, terminal, signal }) => {
        const session = dragoman.sessions.open(id);
        const stored = [];
        for (const { local, path } of given.map(localFileOf)) {
          const { size } = await readable(local);
          const tell = (share: string) => terminal.status(`Sending ${shown(local)}: ${share}`);
          const type = options.type === undefined ? {} : { type: options.type };
          stored.push(await session.files.put(path, streamOf(local, size, tell), { signal, ...type }));
          if (!options.json) terminal.note(`Stored ${shown(path)}`);
        }
        if (options.json) terminal.json(stored);
      }),
    );

  withServiceOptions(files.command('rm'))
    .description('remove files of a session')
    .argument('<session>', 'its id')
    .argument('<path...>', 'their paths in the session')
    .action((id: string, paths: string[], options: CommonOptions) =>
      atService(context, options, async ({ dragoman, terminal, signal }) => {
        for (const path of paths) await dragoman.sessions.open(id).files.delete(path, { signal });
        if (options.json) terminal.json({ removed: paths });
        else terminal.note(`Removed ${paths.map(shown).join(', ')}`);
      }),
    );
}

interface PreviewOptions {
  readonly form: 'text' | 'json' | 'html' | 'png';
  readonly page?: number;
  readonly sheet?: number;
  readonly row?: number;
  readonly width?: number;
  readonly out: string;
}

async function preview(
  { dragoman, terminal, signal }: Work,
  id: string,
  path: string,
  { form, out, json, page, sheet, row, width }: CommonOptions & PreviewOptions,
): Promise<void> {
  const { files } = dragoman.sessions.open(id);
  if (form === 'json' || json) return terminal.json(await files.summary(path, { signal }));
  const part = Object.fromEntries(
    Object.entries({ page, sheet, offset: row && row - 1, width }).filter(([, value]) => value !== undefined),
  );
  if (out === '-' && form === 'png' && process.stdout.isTTY)
    throw new CommandError('A picture is not printed on a terminal: save it with --out.');
  const made = await files.preview(path, form, { signal, ...part });
  if (out !== '-') {
    prepareFolder(out);
    const name = `${basename(path)}.${form === 'text' ? 'txt' : form}`;
    return terminal.note(`Saved ${shown(await saveBelow(out, name, async () => made))}`);
  }
  if (form === 'png') return print(made, signal);
  // What a document says must not control the terminal.
  terminal.line(new SafeText().take(await made.text()));
}

async function get(
  { dragoman, terminal, signal }: Work,
  id: string,
  paths: readonly string[],
  { out, json }: CommonOptions & { out: string },
): Promise<void> {
  const { files } = dragoman.sessions.open(id);
  if (out === '-') {
    if (paths.length !== 1) throw new CommandError('Name the one file that is to be printed.');
    return print(await files.get(paths[0]!, { signal }), signal);
  }
  prepareFolder(out);
  const wanted = paths.length > 0 ? paths : (await files.list({ signal })).map(({ path }) => path);
  const saved: string[] = [];
  let refused = 0;
  for (const path of wanted) {
    try {
      // One that is asked for by its path goes where the user is, as with scp.
      const name = paths.length > 0 && out === '.' ? basename(path) : path;
      const tell = (text: string) => terminal.status(`Fetching ${shown(path)}: ${text}`);
      saved.push(await saveBelow(out, name, async () => watched(await files.get(path, { signal }), tell)));
      if (!json) terminal.note(`Saved ${shown(saved.at(-1)!)}`);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      terminal.note(error.message, 'red');
      refused++;
    }
  }
  if (json) terminal.json({ saved });
  if (refused > 0) process.exitCode = ownFault;
}

/** Tells how far a large one is. */
function watched({ body, size }: Download, tell: (text: string) => void): Pick<Download, 'body'> {
  let read = 0;
  const counted = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(piece, controller) {
      read += piece.length;
      if (size !== undefined && size > 8 * 1024 * 1024) tell(`${Math.floor((read / size) * 100)} %`);
      controller.enqueue(piece);
    },
  });
  return { body: body.pipeThrough(counted) };
}

/** Writes no faster than the reader takes it. */
async function print({ body }: Download, signal: AbortSignal): Promise<void> {
  for await (const piece of body) {
    signal.throwIfAborted();
    if (process.stdout.write(piece)) continue;
    await new Promise<void>((resolve, reject) => {
      const end = () => reject(signal.reason);
      signal.addEventListener('abort', end, { once: true });
      process.stdout.once('drain', () => {
        signal.removeEventListener('abort', end);
        resolve();
      });
    });
  }
}
