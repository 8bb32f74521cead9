import type { Artifact } from '../api/types.ts';
import { Run } from '../run/run.ts';
import { Cell, newCellId } from './cell.ts';

/** The part of nbformat 4 that is read and written here. */
export interface Ipynb {
  readonly nbformat: 4;
  readonly nbformat_minor: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly cells: readonly IpynbCell[];
}

export interface IpynbCell {
  readonly cell_type: string;
  readonly id?: string;
  readonly source: string | readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: metadata is anyone's
  readonly metadata?: Readonly<Record<string, any>>;
  readonly execution_count?: number | null;
  readonly outputs?: readonly IpynbOutput[];
}

// biome-ignore lint/suspicious/noExplicitAny: outputs of four kinds, from any program
type IpynbOutput = Readonly<Record<string, any>>;

const joined = (text: unknown) => (Array.isArray(text) ? text.join('') : String(text ?? ''));
const magics: Readonly<Record<string, string>> = { '%%bash': 'bash', '%%script node': 'javascript' };

/** The cells of a notebook file, with their outputs; nothing is run. @throws Error for a file that is no notebook */
export function cellsOf(file: Ipynb): Cell[] {
  if (!Array.isArray(file?.cells)) throw new Error('This file is no notebook of format 4.');
  const info = file.metadata?.language_info as { name?: string } | undefined;
  const usual = info?.name ?? 'python';
  return file.cells.slice(0, 2000).map((cell) => {
    const isCode = cell.cell_type === 'code';
    let source = joined(cell.source);
    let language = String(cell.metadata?.language ?? usual);
    const [first = '', ...rest] = source.split('\n');
    if (isCode && Object.hasOwn(magics, first.trim())) {
      language = magics[first.trim()]!;
      source = rest.join('\n');
    }
    const made = new Cell({ id: newCellId(), kind: isCode ? 'code' : 'text', language, source });
    if (isCode && (cell.outputs?.length ?? 0) > 0) {
      made.run.value = pastRun(made, cell);
      made.number.value = cell.execution_count ?? 0;
      made.isFormer.value = true;
    }
    return made;
  });
}

/** A run that ended long ago, as a notebook file tells of it. */
export function pastRun(cell: Cell, { outputs = [], metadata, id }: IpynbCell): Run {
  const run = new Run(cell.language.value, cell.source.value);
  for (const output of outputs) {
    if (output.output_type === 'stream') run.addText(joined(output.text), output.name === 'stderr');
    else if (output.output_type === 'error')
      run.error.value = {
        name: String(output.ename),
        value: String(output.evalue),
        traceback: Array.isArray(output.traceback) ? output.traceback.map(String) : [],
      };
    else if (output.data) run.addRich(output.data, output.output_type === 'execute_result');
  }
  const told = metadata?.dragoman;
  if (Array.isArray(told?.artifacts)) run.artifacts.value = told.artifacts.filter(isArtifact);
  if (told)
    run.ending.value = {
      id: id ?? '',
      outcome: told.outcome,
      exit_code: typeof told.exit_code === 'number' ? told.exit_code : null,
      signal: null,
      state: 'continued',
      restored: null,
      interpreter: 'none',
      usage: { cpu_ms: 0, wall_ms: told.wall_ms ?? 0, peak_memory_bytes: told.peak_memory_bytes ?? 0 },
      truncated: false,
      deleted: [],
      lost: Array.isArray(told.lost) ? told.lost : [],
    };
  run.status.value = 'done';
  return run;
}

/** A file may come from anyone, so what it says of files is looked at. */
function isArtifact(value: unknown): value is Artifact {
  const { id, session_id: session, path, size } = (value ?? {}) as Partial<Artifact>;
  return [id, session, path].every((text) => typeof text === 'string') && typeof size === 'number';
}

/** The notebook as it stands, as a file that Jupyter opens. */
export function toIpynb(cells: readonly Cell[], name: string): Ipynb {
  const language = cells.find((cell) => cell.kind.value === 'code')?.language.value ?? 'python';
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {
      title: name,
      kernelspec: { name: language === 'python' ? 'python3' : language, display_name: language },
      language_info: { name: language },
    },
    cells: cells.map((cell) => toIpynbCell(cell, language)),
  };
}

function toIpynbCell(cell: Cell, language: string): IpynbCell {
  const source = cell.source.value;
  if (cell.kind.value === 'text') return { cell_type: 'markdown', id: cell.id, metadata: {}, source };
  const own = cell.language.value;
  const magic = Object.keys(magics).find((line) => magics[line] === own);
  const isOther = own !== language;
  return {
    cell_type: 'code',
    id: cell.id,
    metadata: isOther ? { language: own } : {},
    execution_count: cell.number.value || null,
    source: isOther && language === 'python' && magic ? `${magic}\n${source}` : source,
    outputs: cell.run.value ? outputsOf(cell.run.value, cell.number.value) : [],
  };
}

function outputsOf(run: Run, count: number): IpynbOutput[] {
  const outputs = run.parts.value.flatMap((part): IpynbOutput[] => {
    if (part.kind === 'gap') return [];
    if (part.kind === 'rich') {
      const data = part.bundle.value;
      return part.isResult
        ? [{ output_type: 'execute_result', execution_count: count, data, metadata: {} }]
        : [{ output_type: 'display_data', data, metadata: {} }];
    }
    const streams: { output_type: 'stream'; name: string; text: string }[] = [];
    for (const { text, isError } of part.log.lines) {
      const name = isError ? 'stderr' : 'stdout';
      const last = streams.at(-1);
      if (last?.name === name) last.text += `${text}\n`;
      else streams.push({ output_type: 'stream', name, text: `${text}\n` });
    }
    return streams;
  });
  const error = run.error.value;
  if (error)
    outputs.push({ output_type: 'error', ename: error.name, evalue: error.value, traceback: [...error.traceback] });
  return outputs;
}
