import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import type { ExecutionEvent } from '#client';
import { atService, type ClientContext, type CommonOptions, type Work, withServiceOptions } from './command.ts';
import { CommandError } from './command-error.ts';
import { exitCodeOf } from './exit-code.ts';
import { prepareFolder, tryWriting } from './folders.ts';
import { putFiles, readable } from './inputs.ts';
import { milliseconds, repeated } from './option-values.ts';
import { shown } from './terminal.ts';
import { saveArtifacts } from './told.ts';

interface NotebookOptions extends CommonOptions {
  readonly file: readonly string[];
  readonly out?: string;
  readonly save?: string;
  readonly inPlace?: true;
  readonly session?: string;
  readonly timeout?: number;
  readonly allowErrors?: true;
}

interface Cell {
  readonly cell_type: string;
  readonly source: string | readonly string[];
  outputs?: object[];
  execution_count?: number | null;
}

interface Notebook {
  readonly nbformat: number;
  readonly cells: Cell[];
  readonly metadata?: {
    readonly kernelspec?: { readonly language?: string; readonly name?: string };
    readonly language_info?: { readonly name?: string };
  };
}

/** Adds `notebook run FILE`: runs every cell, and puts the outputs into the notebook. */
export function addNotebookCommands(program: Command, context: ClientContext): void {
  const notebook = program.command('notebook').description('run Jupyter notebooks');
  withServiceOptions(notebook.command('run'))
    .description('run the cells of a notebook, in a new session')
    .argument('<file>', 'a notebook, nbformat 4')
    .option('--save <file>', 'save the notebook with its outputs')
    .option('--in-place', 'save it over itself')
    .option('-f, --file <path[:name]>', 'put a file next to it; may be given again', repeated, [])
    .option('-o, --out <folder>', 'save the files it makes or changes')
    .option('-s, --session <id>', 'run it in a session that is there')
    .option('-t, --timeout <seconds>', 'longest time of a cell', milliseconds)
    .option('--allow-errors', 'go on after a cell that fails')
    .action((file: string, options: NotebookOptions) =>
      atService(context, options, (work) => runNotebook(work, file, options)),
    );
}

async function runNotebook(work: Work, file: string, options: NotebookOptions): Promise<void> {
  const { dragoman, terminal, signal } = work;
  await readable(file);
  const target = options.inPlace ? file : options.save;
  if (target !== undefined) tryWriting(dirname(target));
  prepareFolder(options.out);
  const notebook = parseNotebook(readFileSync(file, 'utf8'), file);
  const { kernelspec, language_info: info } = notebook.metadata ?? {};
  const language = kernelspec?.language ?? info?.name ?? kernelspec?.name ?? 'python';
  const session =
    options.session !== undefined
      ? dragoman.sessions.open(options.session)
      : await dragoman.sessions.create({ name: 'dragoman notebook' }, { signal });
  // Without a cell nothing else would ask for it.
  if (options.session !== undefined) await session.info({ signal });
  const cells = notebook.cells.filter(({ cell_type: type, source }) => type === 'code' && textOf(source).trim() !== '');
  let failed = 0;
  let ran = 0;
  try {
    await putFiles(session, options.file, work);
    for (const cell of notebook.cells)
      if (cell.cell_type === 'code') Object.assign(cell, { outputs: [], execution_count: null });
    for (const cell of cells) {
      terminal.status(`Cell ${ran + 1} of ${cells.length}`);
      const outputs = new Outputs(++ran);
      const limit = options.timeout ? { timeout_ms: options.timeout } : {};
      const execution = await session.start({ language, code: textOf(cell.source), ...limit }, { signal });
      for await (const event of execution) {
        outputs.take(event);
        if (options.json) continue;
        if (event.type === 'stdout') terminal.program('out', event.text);
        else if (event.type === 'stderr') terminal.program('err', event.text);
        else if (event.type === 'result' && typeof event.bundle['text/plain'] === 'string')
          terminal.program('out', `${event.bundle['text/plain']}\n`);
      }
      const result = await execution.result();
      Object.assign(cell, { outputs: outputs.all, execution_count: ran });
      if (options.out !== undefined) await saveArtifacts(work, result, options.out);
      const code = exitCodeOf(result);
      if (code === 0) continue;
      failed++;
      if (!options.allowErrors) process.exitCode = code;
      terminal.note(`Cell ${ran} of ${cells.length} failed (exit code ${code}).`, 'red');
      if (!options.allowErrors) break;
    }
  } finally {
    // Also what was run until an interrupt.
    if (target !== undefined && ran > 0) {
      writeWhole(target, `${JSON.stringify(notebook, null, 1)}\n`);
      if (!options.json) terminal.note(`Saved ${shown(target)}`);
    }
    if (options.session === undefined) await session.delete({ timeoutMs: 5000 }).catch(() => {});
  }
  if (options.json) terminal.json({ cells: cells.length, ran, failed, notebook });
  else terminal.note(`Ran ${ran} of ${cells.length} cells, ${failed} failed.`);
}

function parseNotebook(text: string, file: string): Notebook {
  try {
    const notebook = JSON.parse(text);
    if (notebook.nbformat === 4 && Array.isArray(notebook.cells)) return notebook;
  } catch {
    // Said below.
  }
  throw new CommandError(`${shown(file)} is no Jupyter notebook of nbformat 4.`);
}

const textOf = (source: string | readonly string[]) => (typeof source === 'string' ? source : source.join(''));

/** A half-written notebook would lose the work in it. */
function writeWhole(path: string, text: string): void {
  const part = `${path}.${process.pid}.part`;
  writeFileSync(part, text);
  renameSync(part, path);
}

/** The outputs of one cell as a notebook has them. */
class Outputs {
  readonly all: object[] = [];
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  take(event: ExecutionEvent): void {
    if (event.type === 'stdout' || event.type === 'stderr') this.#stream(event.type, event.text);
    else if (event.type === 'display') this.all.push({ output_type: 'display_data', data: event.bundle, metadata: {} });
    else if (event.type === 'result')
      this.all.push({ output_type: 'execute_result', execution_count: this.#count, data: event.bundle, metadata: {} });
    else if (event.type === 'error') {
      const { name: ename, value: evalue, traceback } = event.error;
      this.#withoutTraceback(`${traceback.join('\n')}\n`);
      this.all.push({ output_type: 'error', ename, evalue, traceback });
    }
  }

  /** The kernel has printed it, too; in a notebook it is there once. */
  #withoutTraceback(text: string): void {
    const last = this.all.at(-1) as { name?: string; text: string } | undefined;
    if (last?.name !== 'stderr' || !last.text.endsWith(text)) return;
    last.text = last.text.slice(0, -text.length);
    if (last.text === '') this.all.pop();
  }

  /** Pieces of one stream are one output. */
  #stream(name: 'stdout' | 'stderr', text: string): void {
    const last = this.all.at(-1) as { output_type?: string; name?: string; text: string } | undefined;
    if (last?.output_type === 'stream' && last.name === name) last.text += text;
    else this.all.push({ output_type: 'stream', name, text });
  }
}
