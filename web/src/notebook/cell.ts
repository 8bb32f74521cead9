import { type Signal, signal } from '@preact/signals';
import type { DocumentCell } from '../api/types.ts';
import type { Run } from '../run/run.ts';

/** A cell of a notebook: text, or code with its latest run. */
export class Cell {
  readonly id: string;
  readonly kind: Signal<'code' | 'text'>;
  readonly language: Signal<string>;
  readonly source: Signal<string>;
  readonly run = signal<Run | undefined>(undefined);
  /** Which run of the notebook it was; 0: it has not run. */
  readonly number = signal(0);
  /** It has been changed since it ran. */
  readonly isChanged = signal(false);
  /** Its variables went with an interpreter that has ended. */
  readonly isFormer = signal(false);
  /** It was not run from this page. */
  readonly origin = signal('');
  executionId: string | undefined;

  constructor({ id, kind, language, source, execution_id: executionId }: DocumentCell) {
    this.id = id;
    this.kind = signal(kind);
    this.language = signal(language);
    this.source = signal(source);
    this.executionId = executionId ?? undefined;
  }

  edit(source: string): void {
    if (source === this.source.value) return;
    this.source.value = source;
    this.isChanged.value = this.run.value !== undefined;
  }

  toDocument(): DocumentCell {
    return {
      id: this.id,
      kind: this.kind.value,
      language: this.language.value,
      source: this.source.value,
      ...(this.executionId === undefined ? {} : { execution_id: this.executionId }),
    };
  }
}

/** Also where the page has no secure context, and `crypto.randomUUID` is missing. */
export function newCellId(): string {
  return [...crypto.getRandomValues(new Uint8Array(9))].map((byte) => byte.toString(36).padStart(2, '0')).join('');
}

export function newCell(kind: 'code' | 'text', language: string, source = ''): Cell {
  return new Cell({ id: newCellId(), kind, language, source });
}
