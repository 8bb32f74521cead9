import { type CellResult, type MimeBundle, type Outcome, unprintedError } from '../../../core/index.ts';
import type { CodeOutput } from './items.ts';

/** Forms of an image a client can show, the best first. */
const imageTypes = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/svg+xml'];

/** An image that was shown, not necessarily saved. */
export interface ShownImage {
  readonly mime: string;
  readonly bytes: Buffer;
}

/** Pieces of the two streams in the order they came. */
export type StreamPiece = { readonly type: 'stdout' | 'stderr'; readonly data: Uint8Array };

const notices: Partial<Record<Outcome, string>> = {
  timed_out: 'The time limit was reached; the execution was stopped.',
  out_of_memory: 'The memory limit was reached; the execution was stopped.',
  output_limit: 'Too much was printed; the execution was stopped.',
  killed: 'The execution was killed.',
  cancelled: 'The execution was cancelled.',
};

/**
 * What a cell shows, as this face has it: one entry of logs (what was printed, values, the traceback, why it was stopped), then
 * an entry per image.
 */
export function codeOutputs(
  result: CellResult,
  pieces: readonly StreamPiece[],
): { outputs: CodeOutput[]; images: ShownImage[] } {
  const images = result.outputs.flatMap(({ bundle }) => imageOf(bundle) ?? []);
  const values = result.outputs.filter(({ bundle }) => !imageOf(bundle)).map(({ bundle }) => textOf(bundle));
  const logs = [
    printed(result, pieces),
    ...values,
    unprintedError(result),
    result.outputsTruncated ? 'Some outputs were left out: too many, or too large.' : '',
    notices[result.outcome] ?? exitNotice(result),
  ]
    .filter((text) => text !== '')
    .reduce((all, text) => (all === '' || all.endsWith('\n') ? all + text : `${all}\n${text}`), '');
  return {
    outputs: [
      ...(logs === '' ? [] : [{ type: 'logs' as const, logs }]),
      ...images.map(({ mime, bytes }) => ({
        type: 'image' as const,
        url: `data:${mime};base64,${bytes.toString('base64')}`,
      })),
    ],
    images,
  };
}

/** An interpreter that ended itself says nothing of it. */
function exitNotice({ exitCode, error }: CellResult): string {
  return exitCode === null || exitCode === 0 || error ? '' : `The program ended with exit code ${exitCode}.`;
}

/** What code had printed when it was stopped by whoever wanted no more of it. */
export function outputsSoFar(pieces: readonly StreamPiece[]): CodeOutput[] {
  const logs = Buffer.concat(pieces.map(({ data }) => data)).toString('utf8');
  return logs === '' ? [] : [{ type: 'logs', logs }];
}

/** The two streams as they came, or one after the other where something was left out of the middle. */
function printed({ stdout, stderr }: CellResult, pieces: readonly StreamPiece[]): string {
  const bytes = pieces.reduce((sum, { data }) => sum + data.length, 0);
  if (stdout.text === '' || stderr.text === '' || bytes !== stdout.bytes + stderr.bytes)
    return (
      stdout.text + (stdout.text === '' || stdout.text.endsWith('\n') || stderr.text === '' ? '' : '\n') + stderr.text
    );
  if (stdout.truncated || stderr.truncated) return stdout.text + stderr.text;
  return Buffer.concat(pieces.map(({ data }) => data)).toString('utf8');
}

function imageOf(bundle: MimeBundle): ShownImage | undefined {
  const mime = imageTypes.find((type) => typeof bundle[type] === 'string');
  if (mime === undefined) return undefined;
  const form = bundle[mime] as string;
  return { mime, bytes: Buffer.from(form, mime === 'image/svg+xml' ? 'utf8' : 'base64') };
}

/** What a terminal would show of a value. */
function textOf(bundle: MimeBundle): string {
  for (const type of ['text/plain', 'text/markdown', 'text/latex', 'text/html'])
    if (typeof bundle[type] === 'string') return bundle[type];
  const json = bundle['application/json'];
  return json === undefined ? '' : JSON.stringify(json);
}
