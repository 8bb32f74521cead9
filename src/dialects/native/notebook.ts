import type { CellResult, MimeBundle, ProgramError, RichOutput } from '../../core/index.ts';
import { jsonLength, jsonPieces } from '../../core/index.ts';
import type { Execution } from '../../service/index.ts';
import { restoredAnswer } from './states.ts';
import { artifactsOf } from './translate.ts';

/** One cell that was run. */
export interface PastCell {
  readonly code: string;
  readonly execution: Execution;
}

interface Kernel {
  readonly name: string;
  readonly display_name: string;
}

/** Jupyter's usual names for the kernels of our languages. */
const kernels: Readonly<Record<string, Kernel>> = {
  python: { name: 'python3', display_name: 'Python 3' },
  javascript: { name: 'javascript', display_name: 'JavaScript (Node.js)' },
  typescript: { name: 'typescript', display_name: 'TypeScript' },
  bash: { name: 'bash', display_name: 'Bash' },
};

/** How a cell of another language is written in a Python notebook. */
const magics: Readonly<Record<string, string>> = { bash: '%%bash', javascript: '%%script node' };

/**
 * A session's history as a Jupyter notebook, nbformat 4.5, made cell by cell. Its language is that of most of its cells.
 * @returns the text in pieces
 */
export function* notebookPieces(cells: readonly PastCell[]): Generator<string> {
  const language = mostFrequent(cells.map(({ execution }) => execution.language)) ?? 'python';
  const head = {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {
      kernelspec: kernels[language] ?? { name: language, display_name: language },
      language_info: { name: language },
    },
  };
  yield `${JSON.stringify(head).slice(0, -1)},"cells":[`;
  for (const [index, cell] of cells.entries()) {
    yield index === 0 ? '\n' : ',\n';
    yield* jsonPieces(notebookCell(cell, index + 1, language));
  }
  yield '\n]}\n';
}

/** Of one file in the metadata of its cell. */
const fileLength = 400;

/** About how many characters the notebook has. */
export function notebookLength(cells: readonly PastCell[]): number {
  return cells.reduce((sum, { code, execution: { result, files } }) => {
    const { stdout, stderr, outputs } = result;
    return (
      sum + code.length + stdout.text.length + stderr.text.length + jsonLength(outputs) + files.length * fileLength
    );
  }, 1000);
}

function notebookCell({ code, execution }: PastCell, count: number, language: string): object {
  const { id, result, continuity } = execution;
  const isOther = execution.language !== language;
  const magic = isOther && language === 'python' ? magics[execution.language] : undefined;
  const { error } = result;
  return {
    cell_type: 'code',
    id,
    execution_count: count,
    metadata: {
      ...(isOther ? { language: execution.language } : {}),
      dragoman: {
        outcome: result.outcome,
        exit_code: result.exitCode,
        state: continuity,
        ...(execution.restored ? { restored: restoredAnswer(execution.restored) } : {}),
        wall_ms: result.usage.wallMs,
        peak_memory_bytes: result.usage.peakMemoryBytes,
        ...changesOf(execution),
      },
    },
    source: magic === undefined ? code : `${magic}\n${code}`,
    outputs: [
      ...shown(result, count),
      ...(error
        ? [{ output_type: 'error', ename: error.name, evalue: error.value, traceback: [...error.traceback] }]
        : []),
    ],
  };
}

/** The files that a cell made, changed, removed and lost, as they were then. */
function changesOf({ files, deleted, lost }: Execution): object {
  const artifacts = artifactsOf(files);
  return {
    ...(artifacts.length > 0 ? { artifacts } : {}),
    ...(deleted.length > 0 ? { deleted } : {}),
    ...(lost.length > 0 ? { lost } : {}),
  };
}

/** What a cell printed and displayed, in order as far as the order is known. */
function shown({ stdout, stderr, outputs, error }: CellResult, count: number): object[] {
  const told = { stdout: 0, stderr: 0 };
  const whole = { stdout: Buffer.from(stdout.text), stderr: Buffer.from(stderr.text) };
  const printed = { stdout: whole.stdout, stderr: Buffer.from(withoutTraceback(stderr.text, error)) };
  // In a stream that was shortened, or that was not text, positions are unknown.
  const isKnown = whole.stdout.length === stdout.bytes && whole.stderr.length === stderr.bytes;
  const streamsUpTo = (places: { readonly stdout: number; readonly stderr: number }) =>
    (['stdout', 'stderr'] as const).flatMap((name) => {
      const text = printed[name].subarray(told[name], places[name]).toString();
      told[name] = Math.max(told[name], places[name]);
      return stream(name, text);
    });
  if (!isKnown) {
    return [...streamsUpTo(end), ...outputs.map((output) => richOutput(output, count))];
  }
  return [
    ...outputs.flatMap((output) => [...streamsUpTo(output.after ?? end), richOutput(output, count)]),
    ...streamsUpTo(end),
  ];
}

const end = { stdout: Number.POSITIVE_INFINITY, stderr: Number.POSITIVE_INFINITY };

/** Leaves out the traceback that an exception printed: the notebook has it as an error. */
function withoutTraceback(text: string, error: ProgramError | null): string {
  const traceback = error ? `${error.traceback.join('\n')}\n` : '';
  return traceback !== '' && text.endsWith(traceback) ? text.slice(0, -traceback.length) : text;
}

function stream(name: string, text: string): object[] {
  return text === '' ? [] : [{ output_type: 'stream', name, text }];
}

function richOutput({ kind, bundle }: RichOutput, count: number): object {
  const data = notebookData(bundle);
  return kind === 'result'
    ? { output_type: 'execute_result', execution_count: count, data, metadata: {} }
    : { output_type: 'display_data', data, metadata: {} };
}

/** JSON forms hold any value, all others hold text; a program may claim otherwise. */
function notebookData(bundle: MimeBundle): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(bundle).map(([type, value]) => [
      type,
      typeof value === 'string' || /^application\/(.*\+)?json$/.test(type) ? value : JSON.stringify(value),
    ]),
  );
}

function mostFrequent(values: readonly string[]): string | undefined {
  const counts = Map.groupBy(values, (value) => value);
  return [...counts.values()].toSorted((a, b) => b.length - a.length)[0]?.[0];
}
