import { newCell } from './cell.ts';
import { runFrom } from './cell-view.tsx';
import type { Notebook } from './notebook.ts';

/** Jupyter's keys of the command mode. Returns whether the key was one. */
export class NotebookKeys {
  readonly #notebook: Notebook;
  #last = '';
  #lastAt = 0;

  constructor(notebook: Notebook) {
    this.#notebook = notebook;
  }

  handle(event: KeyboardEvent): void {
    const notebook = this.#notebook;
    if (event.key === '.' && event.ctrlKey) {
      event.preventDefault();
      void notebook.interrupt();
      return;
    }
    const target = event.target as HTMLElement;
    const isCell = target.classList.contains('cell') || target === document.body;
    if (!isCell || notebook.isEditing.value) return;
    const then = event.key === 'Enter' ? ranBy(event) : undefined;
    const cells = notebook.cells.value;
    const at = cells.findIndex(({ id }) => id === notebook.selected.value);
    const cell = cells[at];
    if (!cell) return;
    if (then) {
      event.preventDefault();
      runFrom(notebook, cell, then);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTwice = this.#last === event.key && performance.now() - this.#lastAt < 600;
    this.#last = isTwice ? '' : event.key;
    this.#lastAt = performance.now();
    const act = this.#actionOf(event, at, isTwice);
    if (!act) return;
    event.preventDefault();
    act();
  }

  #actionOf(event: KeyboardEvent, at: number, isTwice: boolean): (() => unknown) | undefined {
    const notebook = this.#notebook;
    const cells = notebook.cells.value;
    const cell = cells[at]!;
    const go = (to: number) => () => {
      const next = cells[Math.max(0, Math.min(cells.length - 1, to))]!;
      notebook.selected.value = next.id;
      const element = document.getElementById(`cell-${next.id}`);
      element?.focus();
      element?.scrollIntoView({ block: 'nearest' });
    };
    switch (event.key) {
      case 'Enter':
        return () => {
          notebook.isEditing.value = true;
        };
      case 'ArrowUp':
      case 'k':
        return go(at - 1);
      case 'ArrowDown':
      case 'j':
        return go(at + 1);
      case 'K':
        return () => notebook.move(cell, -1);
      case 'J':
        return () => notebook.move(cell, 1);
      case 'a':
        return () => notebook.insert(newCell('code', cell.language.value), at);
      case 'b':
        return () => notebook.insert(newCell('code', cell.language.value), at + 1);
      case 'm':
        return () => notebook.change(cell, { kind: 'text' });
      case 'y':
        return () => notebook.change(cell, { kind: 'code' });
      case 'x':
        return () => notebook.remove(cell);
      case 'd':
        return isTwice ? () => notebook.remove(cell) : () => {};
      case 'z':
        return () => notebook.unremove();
      case 't':
        return () => {
          notebook.isTerminalOpen.value = true;
        };
      case 'i':
        return isTwice ? () => void notebook.interrupt() : () => {};
      case '0':
        return isTwice ? () => void notebook.restart() : () => {};
      default:
        return undefined;
    }
  }
}

function ranBy(event: KeyboardEvent): 'next' | 'stay' | 'insert' | undefined {
  if (event.shiftKey) return 'next';
  if (event.ctrlKey || event.metaKey) return 'stay';
  return event.altKey ? 'insert' : undefined;
}
