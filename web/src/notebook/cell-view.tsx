import type { EditorView } from '@codemirror/view';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Icon } from '../app/icons.tsx';
import { languageTitle, who } from '../app/state.ts';
import { bytes, duration } from '../app/words.ts';
import { Coloured } from '../run/code.tsx';
import { Elapsed } from '../run/elapsed.tsx';
import { end } from '../run/interrupt.ts';
import { Markdown } from '../run/markdown.tsx';
import { errorLine, hasOutput, OutputView } from '../run/output-view.tsx';
import type { Run } from '../run/run.ts';
import { placesIn, SourceContext } from '../run/source-places.ts';
import { type Cell, newCell } from './cell.ts';
import { makeEditor } from './editor.ts';
import type { Notebook } from './notebook.ts';

interface CellProps {
  readonly notebook: Notebook;
  readonly cell: Cell;
  readonly at: number;
}

/** One cell. Only the one that is edited has an editor; the others show the same colours as static text. */
export function CellView({ notebook, cell, at }: CellProps) {
  const place = useRef<HTMLDivElement>(null);
  const isSelected = notebook.selected.value === cell.id;
  const isEditing = isSelected && notebook.isEditing.value;
  const run = cell.run.value;
  const isText = cell.kind.value === 'text';
  const hasFailed = run?.error.value !== undefined || (run?.fault.value ?? '') !== '';
  // In command mode the selected cell has the focus, so that keys reach it: before the next key, not after the next frame.
  useLayoutEffect(() => {
    const inside = place.current?.contains(document.activeElement);
    if (isSelected && !isEditing && !inside && isInBook(document.activeElement)) place.current?.focus();
  }, [isSelected, isEditing]);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would change its look and its name
    <div
      ref={place}
      id={`cell-${cell.id}`}
      class={`cell${isText ? ' text' : ''}${isSelected ? ' sel' : ''}${hasFailed ? ' bad' : ''}`}
      role="group"
      tabIndex={isSelected ? 0 : -1}
      aria-label={`Cell ${at + 1}, ${isText ? 'text' : languageTitle(cell.language.value)}`}
      onFocus={() => {
        if (notebook.selected.value !== cell.id) {
          notebook.isEditing.value = false;
          notebook.selected.value = cell.id;
        }
      }}
    >
      <div class="gut">{isText ? '' : counter(cell)}</div>
      <div class="box">
        {!isText && <Bar notebook={notebook} cell={cell} />}
        {isEditing ? (
          <Editor notebook={notebook} cell={cell} at={at} />
        ) : isText ? (
          // biome-ignore lint/a11y/noStaticElementInteractions: Enter on the cell does the same
          // biome-ignore lint/a11y/useKeyWithClickEvents: Enter on the cell does the same
          <div onDblClick={() => edit(notebook, cell)} onClick={() => select(notebook, cell)}>
            {cell.source.value.trim() === '' ? (
              <p class="prose muted">Text. Press Enter to write.</p>
            ) : (
              <Markdown source={cell.source.value} />
            )}
          </div>
        ) : (
          <Static notebook={notebook} cell={cell} />
        )}
        {run && hasOutput(run) && (
          <div class="res">
            <SourceContext.Provider value={sourceOf(notebook, cell, run)}>
              <OutputView run={run} />
            </SourceContext.Provider>
          </div>
        )}
      </div>
    </div>
  );
}

const isInBook = (element: Element | null) => element === document.body || element?.closest('.book') !== null;

function counter(cell: Cell) {
  const run = cell.run.value;
  if (run && run.status.value === 'queued') return '[ ]';
  if (run && !run.isOver) return '[*]';
  if (cell.number.value === 0) return '[ ]';
  const words = `[${cell.number.value}]${cell.isChanged.value ? '•' : ''}`;
  return cell.isFormer.value ? <span title="Its variables are gone">{words}</span> : <b>{words}</b>;
}

function select(notebook: Notebook, cell: Cell): void {
  notebook.selected.value = cell.id;
}

function edit(notebook: Notebook, cell: Cell, caret?: number): void {
  carets.set(cell.id, caret);
  const open = editors.get(cell.id);
  if (open && caret !== undefined) {
    open.dispatch({ selection: { anchor: Math.min(caret, open.state.doc.length) }, scrollIntoView: true });
    open.focus();
  }
  notebook.selected.value = cell.id;
  notebook.isEditing.value = true;
}

/** Where the caret goes when an editor opens. */
const carets = new Map<string, number | undefined>();
/** Editors that are open, by cell. */
const editors = new Map<string, EditorView>();

/** Places that the output names lead into the cell. */
function sourceOf(notebook: Notebook, cell: Cell, run: Run) {
  return {
    language: run.language,
    lines: run.code.split('\n').length,
    go(line: number, column: number | undefined) {
      const before = cell.source.value.split('\n').slice(0, line - 1);
      const caret = before.reduce((sum, { length }) => sum + length + 1, 0) + Math.max(0, (column ?? 1) - 1);
      edit(notebook, cell, Math.min(caret, cell.source.value.length));
    },
  };
}

/** The line that a compiler or interpreter complained of first; undefined: the run ended well, or none is named. */
function complainedLine(run: Run): number | undefined {
  const code = run.ending.value?.exit_code ?? 0;
  if (code === 0) return undefined;
  const source = { language: run.language, lines: run.code.split('\n').length };
  for (const part of run.parts.value) {
    if (part.kind !== 'text') continue;
    for (const { text, isError } of part.log.lines.slice(0, 200)) {
      const [place] = isError ? placesIn(text, source) : [];
      if (place) return place.line;
    }
  }
  return undefined;
}

function Bar({ notebook, cell }: { notebook: Notebook; cell: Cell }) {
  const run = cell.run.value;
  const isGoing = run !== undefined && !run.isOver;
  const usage = run?.ending.value?.usage;
  const limit = who.value?.limits.timeout_ms ?? 0;
  return (
    <div class="bar">
      <select
        aria-label="Language of this cell"
        value={cell.language.value}
        onChange={(event) => notebook.change(cell, { language: event.currentTarget.value })}
      >
        {who.value?.languages.map(({ name, title }) => (
          <option key={name} value={name}>
            {title}
          </option>
        ))}
      </select>
      {isGoing && <span class="dot run" />}
      {isGoing && run && (
        <span class="num">
          <Elapsed run={run} /> of at most {duration(limit)}
        </span>
      )}
      {cell.origin.value !== '' && <span>{cell.origin.value}</span>}
      <span class="grow" />
      {usage && (
        <span class="num">
          {duration(usage.wall_ms)}
          {usage.peak_memory_bytes > 0 && ` · ${bytes(usage.peak_memory_bytes)}`}
        </span>
      )}
      {isGoing && run ? (
        <>
          <button type="button" disabled={run.isInterrupting.value} onClick={() => void notebook.interrupt()}>
            <Icon name="stop" />
            {run.isInterrupting.value ? 'Interrupting…' : 'Interrupt'}
          </button>
          {run.isInterrupting.value && (
            <button type="button" class="danger" onClick={() => void end(run)}>
              End it, lose the variables
            </button>
          )}
        </>
      ) : (
        <button type="button" class="icon" aria-label="Run this cell" onClick={() => void notebook.run(cell)}>
          <Icon name="play" />
        </button>
      )}
    </div>
  );
}

function Static({ notebook, cell }: { notebook: Notebook; cell: Cell }) {
  const run = cell.run.value;
  const source = cell.source.value;
  const traceback = run?.error.value?.traceback.join('\n') ?? '';
  const named = traceback === '' ? run && complainedLine(run) : errorLine(traceback);
  const bad = cell.isChanged.value ? undefined : named;
  const lines = source.split('\n');
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Enter on the cell does the same
    <div
      class="code"
      onMouseDown={(event) => {
        event.preventDefault();
        edit(notebook, cell, caretAt(event.currentTarget, event));
      }}
    >
      <pre>
        {bad === undefined || bad > lines.length ? (
          <Coloured source={source === '' ? ' ' : source} language={cell.language.value} />
        ) : (
          <>
            <Coloured source={lines.slice(0, bad - 1).join('\n')} language={cell.language.value} />
            <span class="mark">
              <Coloured source={lines[bad - 1] || ' '} language={cell.language.value} />
            </span>
            <Coloured source={lines.slice(bad).join('\n')} language={cell.language.value} />
          </>
        )}
      </pre>
    </div>
  );
}

/** The offset in the text at which the pointer is. */
function caretAt(element: HTMLElement, event: MouseEvent): number | undefined {
  const position = document.caretPositionFromPoint?.(event.clientX, event.clientY);
  if (!position || !element.contains(position.offsetNode)) return undefined;
  const range = document.createRange();
  range.setStart(element, 0);
  range.setEnd(position.offsetNode, position.offset);
  return range.toString().length;
}

function Editor({ notebook, cell, at }: CellProps) {
  const place = useRef<HTMLDivElement>(null);
  // The editor has to be there before the next key.
  useLayoutEffect(() => {
    if (!place.current) return;
    const view: EditorView = makeEditor(place.current, {
      sessionId: notebook.id,
      language: cell.kind.value === 'text' ? 'markdown' : cell.language.value,
      isBusy: () => notebook.going.value !== undefined || notebook.session.value?.state !== 'live',
      words: () => notebook.cells.value.map(({ source }) => source.value).join('\n'),
      source: cell.source.value,
      caret: carets.get(cell.id),
      label: `${languageTitle(cell.language.value)} of cell ${at + 1}`,
      onChange: (source) => notebook.edit(cell, source),
      onRun: (then) => runFrom(notebook, cell, then),
      onLeave: () => {
        notebook.isEditing.value = false;
        document.getElementById(`cell-${cell.id}`)?.focus();
      },
      onStep: (by) => {
        const next = notebook.cells.value[notebook.cells.value.indexOf(cell) + by];
        if (next) edit(notebook, next, by > 0 ? 0 : undefined);
      },
      onSplit: (before, after) => {
        const next = newCell(cell.kind.value, cell.language.value, after);
        notebook.edit(cell, before);
        notebook.insert(next, notebook.cells.value.indexOf(cell) + 1);
      },
    });
    editors.set(cell.id, view);
    return () => {
      if (editors.get(cell.id) === view) editors.delete(cell.id);
      view.destroy();
    };
  }, [cell, cell.language.value]);
  return <div ref={place} />;
}

/** Runs a cell; then the next one is selected, a new one is made, or it stays. */
export function runFrom(notebook: Notebook, cell: Cell, then: 'next' | 'stay' | 'insert'): void {
  void notebook.run(cell);
  const at = notebook.cells.value.indexOf(cell);
  if (then === 'stay') {
    notebook.isEditing.value = false;
    document.getElementById(`cell-${cell.id}`)?.focus();
    return;
  }
  if (then === 'insert' || at === notebook.cells.value.length - 1) {
    const next = newCell('code', cell.language.value);
    notebook.insert(next, at + 1);
    edit(notebook, next);
    return;
  }
  notebook.isEditing.value = false;
  const next = notebook.cells.value[at + 1]!;
  notebook.selected.value = next.id;
  document.getElementById(`cell-${next.id}`)?.focus();
}
