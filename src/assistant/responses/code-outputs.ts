import { type CellResult, type MimeBundle, type Outcome, unprintedError } from '../../core/index.ts';
import type { CodeOutput } from '../items.ts';

/** Forms of an image that clients can show, the best first. */
const imageTypes = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/svg+xml'];

/** An image that code showed. It may have saved it or not. */
export interface ShownImage {
  readonly mime: string;
  readonly bytes: Buffer;
}

/** A piece of stdout or stderr; pieces keep the order in which they came. */
export type StreamPiece = { readonly type: 'stdout' | 'stderr'; readonly data: Uint8Array };

const notices: Partial<Record<Outcome, string>> = {
  timed_out: 'The time limit was reached; the execution was stopped.',
  out_of_memory: 'The memory limit was reached; the execution was stopped.',
  output_limit: 'Too much was printed; the execution was stopped.',
  cancelled: 'The execution was cancelled.',
};

/** The outputs of code: one text (what was printed, values, the traceback, why it was stopped), then each image. */
export function codeOutputs(
  result: CellResult,
  pieces: readonly StreamPiece[],
  /** What became of saved variables. */
  restored = '',
): { outputs: CodeOutput[]; images: ShownImage[] } {
  const images = shownImages(result);
  const values = result.outputs.map(({ bundle }) => valueText(bundle));
  const text = [
    restored,
    printed(result, pieces),
    ...values,
    unprintedError(result),
    result.outputsTruncated ? 'Some outputs were left out: too many, or too large.' : '',
    notices[result.outcome] ?? endNotice(result),
  ]
    .filter((part) => part !== '')
    .reduce((all, part) => (all === '' || all.endsWith('\n') ? all + part : `${all}\n${part}`), '');
  return {
    outputs: [
      ...(text === '' ? [] : [{ type: 'logs' as const, text }]),
      ...images.map(({ mime, bytes }) => ({ type: 'image' as const, mime, data: bytes.toString('base64') })),
    ],
    images,
  };
}

/** The images that code showed. */
export function shownImages({ outputs }: Pick<CellResult, 'outputs'>): ShownImage[] {
  return outputs.flatMap(({ bundle }) => imageOf(bundle) ?? []);
}

/** A value of a cell as a terminal shows it; empty for an image. */
export function valueText(bundle: MimeBundle): string {
  return imageOf(bundle) ? '' : textOf(bundle);
}

/** What code had printed when it was stopped. */
export function outputsSoFar(pieces: readonly StreamPiece[]): CodeOutput[] {
  const text = joined(pieces);
  return text === '' ? [] : [{ type: 'logs', text }];
}

/** An interpreter that ends itself, or that a signal ends, prints nothing about it. */
function endNotice({ outcome, exitCode, signal, error }: CellResult): string {
  if (signal !== null) return `The execution was ended by ${signal}.`;
  if (outcome === 'worker_lost') return 'The machine that ran the code was lost. It may have run in part.';
  if (outcome === 'killed') return 'The execution was killed.';
  return exitCode === null || exitCode === 0 || error ? '' : `The program ended with exit code ${exitCode}.`;
}

/** Both streams in the order they came, or one after the other where the middle was left out. */
function printed({ stdout, stderr }: CellResult, pieces: readonly StreamPiece[]): string {
  const bytes = pieces.reduce((sum, { data }) => sum + data.length, 0);
  if (stdout.text === '' || stderr.text === '' || bytes !== stdout.bytes + stderr.bytes)
    return (
      stdout.text + (stdout.text === '' || stdout.text.endsWith('\n') || stderr.text === '' ? '' : '\n') + stderr.text
    );
  if (stdout.truncated || stderr.truncated) return stdout.text + stderr.text;
  return joined(pieces);
}

function joined(pieces: readonly StreamPiece[]): string {
  return Buffer.concat(pieces.map(({ data }) => data)).toString('utf8');
}

function imageOf(bundle: MimeBundle): ShownImage | undefined {
  const mime = imageTypes.find((type) => typeof bundle[type] === 'string');
  if (mime === undefined) return undefined;
  const form = bundle[mime] as string;
  return { mime, bytes: Buffer.from(form, mime === 'image/svg+xml' ? 'utf8' : 'base64') };
}

/** A value as a terminal shows it. */
function textOf(bundle: MimeBundle): string {
  for (const type of ['text/plain', 'text/markdown', 'text/latex', 'text/html'])
    if (typeof bundle[type] === 'string') return bundle[type];
  const json = bundle['application/json'];
  return json === undefined ? '' : JSON.stringify(json);
}
