import { type MimeBundle, restoredText, stderrApart, unprintedError } from '../core/index.ts';
import type { Execution } from '../service/index.ts';

/** What a model is shown of a run. */
export interface ModelView {
  readonly text: string;
  /** Figures, base64; only for a model that can see. */
  readonly pictures: readonly { readonly mime: string; readonly data: string }[];
}

export interface ModelViewOptions {
  readonly form: 'notebook' | 'json';
  /** Of the output. Our notes come on top. */
  readonly characters: number;
  /** How much base64 of pictures may be shown; 0 for a model that cannot see. */
  readonly pictureCharacters: number;
  readonly wallMs: number;
  /** Most base64 of one picture; absent: `pictureCharacters`. */
  readonly pictureEach?: number;
  /** What the text says of a figure. Absent: that the user sees it, and whether the model does. */
  readonly figureNote?: (figure: { number: number; mime: string; bundle: MimeBundle; isShown: boolean }) => string;
}

const mostPictures = 8;
const mostFiles = 50;
const longestList = 4000;
const pictureTypes = ['image/png', 'image/jpeg'];

/** What a model reads of a run: its output as a notebook shows it, cut in the middle when it is long, then how it ended. */
export function modelViewOf(execution: Execution, options: ModelViewOptions): ModelView {
  const pictures: { mime: string; data: string }[] = [];
  let figures = 0;
  let left = options.pictureCharacters;
  const { pictureEach = left, figureNote = usualNote } = options;
  const figure = (bundle: MimeBundle): string | undefined => {
    const mime = Object.keys(bundle).find((key) => key.startsWith('image/'));
    if (mime === undefined) return undefined;
    figures++;
    const data = bundle[mime];
    const showable =
      pictureTypes.includes(mime) && typeof data === 'string' && data.length <= Math.min(left, pictureEach);
    const isShown = showable && pictures.length < mostPictures;
    if (isShown) {
      left -= data.length;
      pictures.push({ mime, data });
    }
    return `[figure ${figures}: ${mime}, ${figureNote({ number: figures, mime, bundle, isShown })}]`;
  };
  const text = options.form === 'json' ? json(execution, options, figure) : notebook(execution, options, figure);
  return { text, pictures };
}

const usualNote = ({ isShown }: { isShown: boolean }) => (isShown ? 'shown to you and the user' : 'shown to the user');

type Figure = (bundle: MimeBundle) => string | undefined;

function notebook(execution: Execution, options: ModelViewOptions, figure: Figure): string {
  const { stdout, stderr, outputs } = execution.result;
  const values = outputs.map(({ bundle }) => figure(bundle) ?? plain(bundle));
  const parts = [stdout.text, ...values, stderr.text, unprintedError(execution.result)];
  const output = parts.filter((part) => part.trim() !== '').map((part) => part.replace(/\n$/, ''));
  const text = headAndTail(output.join('\n'), options.characters);
  return [...(text === '' ? [] : [text]), ...notes(execution, options, output.length === 0)].join('\n');
}

/** Forms that are pictures, by the names E2B's interpreter gives them. */
const pictureNames: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpeg',
  'image/svg+xml': 'svg',
};

function json(execution: Execution, options: ModelViewOptions, figure: Figure): string {
  const { stdout, outputs, error } = execution.result;
  // Each part gets its share, so that the whole stays JSON.
  const cut = (text: string) => headAndTail(text, Math.floor(options.characters / 4));
  const result = (bundle: MimeBundle) => {
    const picture = figure(bundle);
    const text = picture === undefined ? plain(bundle) : String(bundle['text/plain'] ?? '');
    const entries = Object.keys(bundle)
      .filter((key) => key in pictureNames)
      .map((key) => [pictureNames[key]!, picture] as const);
    return { ...(text === '' ? {} : { text: cut(text) }), ...Object.fromEntries(entries) };
  };
  return JSON.stringify({
    stdout: cut(stdout.text),
    stderr: cut(stderrApart(execution.result)),
    results: within(
      outputs.map(({ bundle }) => result(bundle)),
      options.characters / 4,
    ),
    error: error && { name: error.name, value: cut(error.value), traceback: cut(error.traceback.join('\n')) },
    notes: notes(execution, options, false),
  });
}

/** As many of the first results as fit. */
function within<T>(results: readonly T[], characters: number): T[] {
  let left = characters;
  return results.filter((result, index) => {
    left -= JSON.stringify(result).length;
    return index === 0 || left > 0;
  });
}

/** A result as text. */
function plain(bundle: MimeBundle): string {
  for (const type of ['text/plain', 'text/markdown', 'text/latex', 'application/json', 'text/html']) {
    const value = bundle[type];
    if (value !== undefined) return typeof value === 'string' ? value : JSON.stringify(value);
  }
  const [type] = Object.keys(bundle);
  return type === undefined ? '' : `[${type}, shown to the user]`;
}

/** Notes on what the output does not show: limits, lost variables, files. */
function notes(execution: Execution, options: ModelViewOptions, silent: boolean): string[] {
  const { result, files, deleted, lost, continuity } = execution;
  const list: string[] = [];
  if (execution.restored) list.push(`[${restoredText(execution.restored)}]`);
  else if (continuity === 'restored')
    list.push(
      '[The interpreter had been restarted before this call: earlier variables and imports are gone, files are still there.]',
    );
  const ending = endings(execution, options.wallMs);
  if (ending) list.push(`[${ending}]`);
  if (result.interpreter === 'lost')
    list.push('[The interpreter ended: variables and imports are gone, files are still there.]');
  if (result.stdout.truncated || result.stderr.truncated)
    list.push('[The program wrote more than is kept; its middle is left out.]');
  const changed = files.flatMap((reported) =>
    reported.change === 'inherited' ? [] : [`/mnt/data/${reported.file.name} (${reported.file.size} bytes)`],
  );
  if (changed.length > 0) list.push(`[Files written: ${listed(changed)}]`);
  if (deleted.length > 0) list.push(`[Files gone: ${listed(deleted.map((path) => `/mnt/data/${path}`))}]`);
  if (lost.length > 0)
    list.push(`[Files not kept: ${listed(lost.map(({ path }) => `/mnt/data/${path}`))}. ${lost[0]!.reason}]`);
  if (result.artifactsTruncated) list.push('[Some files could not be kept: too many or too large.]');
  return list.length === 0 && silent ? ['[no output]'] : list;
}

function listed(paths: readonly string[]): string {
  const more = paths.length - mostFiles;
  // Programs choose these names: they stay on their line.
  const list = paths
    .slice(0, mostFiles)
    .join(', ')
    .replace(/\p{Cc}/gu, '?');
  return headAndTail(list, longestList) + (more > 0 ? ` and ${more} more` : '');
}

function endings({ result }: Execution, wallMs: number): string | undefined {
  switch (result.outcome) {
    case 'timed_out':
      return `Stopped at the time limit of ${wallMs / 1000} s.`;
    case 'out_of_memory':
      return 'Stopped: out of memory.';
    case 'output_limit':
      return 'Stopped: too much output.';
    case 'cancelled':
      return 'The run was cancelled.';
    case 'worker_lost':
      return 'The machine that ran the code was lost. The code may have run in part; variables are gone.';
    case 'killed':
      return `The program was killed${result.signal ? ` by ${result.signal}` : ''}.`;
    default:
      if (result.signal !== null) return `The program was ended by ${signalText(result.signal)}.`;
      return result.exitCode !== null && result.exitCode !== 0 && !result.error
        ? `Exit code ${result.exitCode}.`
        : undefined;
  }
}

/** Signals by which programs crash, in words a model knows. */
const crashes: Readonly<Record<string, string>> = {
  SIGSEGV: 'segmentation fault',
  SIGABRT: 'aborted',
  SIGILL: 'illegal instruction',
  SIGFPE: 'arithmetic error',
  SIGBUS: 'bus error',
};

function signalText(signal: string): string {
  const crash = crashes[signal];
  return crash === undefined ? signal : `${signal} (${crash})`;
}

/** The first and the last half of a text that is longer, and how much is missing between. */
export function headAndTail(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const half = Math.floor(characters / 2);
  const head = text.slice(0, half).replace(/[\ud800-\udbff]$/, '');
  const tail = text.slice(text.length - half).replace(/^[\udc00-\udfff]/, '');
  return `${head}\n[… ${text.length - head.length - tail.length} characters left out …]\n${tail}`;
}
