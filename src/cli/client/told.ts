import type { Execution, MimeBundle, RunningExecution } from '#client';
import type { Work } from './command.ts';
import { CommandError, ownFault } from './command-error.ts';
import { saveBelow } from './save.ts';
import { shown, type Terminal } from './terminal.ts';

interface Telling {
  /** Prints nothing. */
  readonly quiet?: boolean;
  /** Where figures are saved that the code only showed; undefined: they are only named. */
  readonly figures?: string | undefined;
}

/** Prints what happens while it happens, and returns the whole of it. */
export async function told(
  execution: RunningExecution,
  terminal: Terminal,
  { quiet = false, figures }: Telling,
): Promise<Execution> {
  const since = performance.now();
  const waiting = setInterval(() => {
    const seconds = Math.round((performance.now() - since) / 1000);
    if (seconds >= 2 && !quiet) terminal.status(`Running (${seconds} s)`);
  }, 1000);
  try {
    for await (const event of execution) {
      if (event.type !== 'start') clearInterval(waiting);
      if (event.type === 'result' || event.type === 'display')
        await showBundle(event.bundle, terminal, { quiet, figures });
      else if (quiet) continue;
      else if (event.type === 'stdout') terminal.program('out', event.text);
      else if (event.type === 'stderr') terminal.program('err', event.text);
      else if (event.type === 'gap') terminal.note('Some of the output was lost.', 'yellow');
    }
    return await execution.result();
  } finally {
    clearInterval(waiting);
  }
}

const figureEndings: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/svg+xml': 'svg',
  'application/pdf': 'pdf',
};

let figureCount = 0;

/** The text of a result; a figure is saved, or named. */
async function showBundle(bundle: MimeBundle, terminal: Terminal, { quiet, figures }: Telling): Promise<void> {
  const plain = bundle['text/plain'];
  if (typeof plain === 'string' && !quiet) terminal.program('out', `${plain}\n`);
  const type = Object.keys(figureEndings).find((type) => typeof bundle[type] === 'string');
  if (!type) return;
  if (figures === undefined) {
    if (!quiet) terminal.note(`[${type}: --out <folder> saves it]`);
    return;
  }
  const content = Buffer.from(bundle[type] as string, type === 'image/svg+xml' ? 'utf8' : 'base64');
  const name = `figure-${++figureCount}.${figureEndings[type]}`;
  const saved = await saveBelow(figures, name, async () => ({ body: new Blob([content]).stream() }));
  if (!quiet) terminal.note(`Saved ${shown(saved)}`);
}

/** Saves what the code made or changed; tells of each, and of what the service could not store. */
export async function saveArtifacts(
  { dragoman, terminal, signal }: Work,
  {
    session_id: sessionId,
    artifacts,
    lost,
    artifacts_lost: lostCount,
    truncated,
  }: Pick<Execution, 'session_id' | 'artifacts' | 'lost' | 'artifacts_lost' | 'truncated'>,
  folder: string,
): Promise<string[]> {
  const { files } = dragoman.sessions.open(sessionId);
  const saved: string[] = [];
  for (const { path, size } of artifacts) {
    terminal.status(`Saving ${shown(path)}`);
    try {
      saved.push(await saveBelow(folder, path, () => files.get(path, { signal }), size));
      terminal.note(`Saved ${shown(saved.at(-1)!)}`);
    } catch (error) {
      // A name that is refused does not keep the others from being saved.
      if (!(error instanceof CommandError)) throw error;
      terminal.note(error.message, 'red');
    }
  }
  for (const { path, reason } of lost)
    terminal.note(`The file ${shown(path)} is not saved: the service did not store it (${shown(reason)}).`, 'red');
  if (lostCount > lost.length)
    terminal.note(`Not saved, because the service did not store them: ${lostCount - lost.length} more files.`, 'red');
  if (truncated)
    terminal.note(
      'Something is left out: output or files beyond a limit, or files whose names have characters that no file may have.',
      'yellow',
    );
  if (saved.length < artifacts.length || lostCount > 0) process.exitCode ||= ownFault;
  return saved;
}
