import { type Signal, signal } from '@preact/signals';
import type { Run } from '../run/run.ts';

/** What a model said: words, with the files that it cites. */
interface MessageItem {
  readonly kind: 'message';
  readonly id: string;
  readonly text: Signal<string>;
  readonly files: Signal<readonly string[]>;
}

interface ThoughtItem {
  readonly kind: 'thought';
  readonly id: string;
  readonly text: Signal<string>;
}

/** Code that a model wrote, and its run once it has begun. */
export interface CodeItem {
  readonly kind: 'code';
  readonly id: string;
  readonly code: Signal<string>;
  /** The code is complete, and runs or has run. */
  readonly isReady: Signal<boolean>;
  readonly run: Signal<Run | undefined>;
}

export type AnswerItem = MessageItem | ThoughtItem | CodeItem;

export type AnswerStatus = 'waiting' | 'going' | 'done' | 'stopped' | 'failed';

/** Output of code as a stored response tells of it. */
export type StoredOutput = { readonly type: string; readonly logs?: string; readonly url?: string };

interface WireItem {
  readonly id: string;
  readonly type: string;
  readonly code?: string | null;
  readonly content?: readonly { readonly text?: string; readonly annotations?: readonly Annotation[] }[];
  readonly summary?: readonly { readonly text: string }[];
  readonly outputs?: readonly StoredOutput[] | null;
}

interface Annotation {
  readonly type: string;
  readonly filename?: string;
}

export interface WireResponse {
  readonly id: string;
  readonly status: string;
  readonly model: string;
  readonly output: readonly WireItem[];
  readonly error?: { readonly message: string } | null;
  readonly incomplete_details?: { readonly reason: string } | null;
}

/** An answer of a model as it grows. Its events are those of the Responses API. */
export class Answer {
  readonly items = signal<readonly AnswerItem[]>([]);
  readonly status = signal<AnswerStatus>('waiting');
  readonly fault = signal('');
  readonly model = signal('');
  responseId: string | undefined;
  /** Number of the last event. */
  last = -1;
  /** Hears of code that is about to run. */
  onCode: (item: CodeItem) => void = () => {};
  #texts: { readonly to: Signal<string>; readonly text: string }[] = [];
  #isScheduled = false;

  get isOver(): boolean {
    return this.status.value !== 'waiting' && this.status.value !== 'going';
  }

  // biome-ignore lint/suspicious/noExplicitAny: the Responses API describes the data of each event
  take(event: string, data: any): void {
    if (typeof data.sequence_number === 'number') {
      if (data.sequence_number <= this.last) return;
      this.last = data.sequence_number;
    }
    switch (event) {
      case 'response.created':
      case 'response.queued':
      case 'response.in_progress':
        this.responseId = data.response.id;
        this.model.value = data.response.model;
        this.status.value = 'going';
        break;
      case 'response.output_item.added':
        this.#add(data.item);
        break;
      case 'response.output_text.delta':
      case 'response.reasoning_summary_text.delta':
      case 'response.code_interpreter_call_code.delta':
        this.#write(data.item_id, data.delta);
        break;
      case 'response.code_interpreter_call_code.done':
        this.#ready(data.item_id, data.code);
        break;
      case 'response.output_item.done':
        this.#finish(data.item);
        break;
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
        this.end(data.response);
        break;
      case 'error':
        this.fault.value = data.error?.message ?? data.message ?? 'The answer failed.';
    }
  }

  /** Takes a response that is stored, whole. */
  restore(response: WireResponse): void {
    this.responseId = response.id;
    for (const item of response.output) {
      if (!this.items.value.some(({ id }) => id === item.id)) this.#add(item);
      this.#finish(item);
    }
    this.end(response);
  }

  end(response: WireResponse): void {
    this.#flush();
    this.model.value = response.model;
    if (response.error) this.fault.value = response.error.message;
    if (response.incomplete_details)
      this.fault.value = `The answer is incomplete: ${response.incomplete_details.reason}.`;
    const statuses: Readonly<Record<string, AnswerStatus>> = {
      completed: 'done',
      cancelled: 'stopped',
      incomplete: 'done',
    };
    const isGoing = response.status === 'queued' || response.status === 'in_progress';
    this.status.value = isGoing ? 'going' : (statuses[response.status] ?? 'failed');
    // What has no run by now never gets one.
    if (this.isOver) for (const item of this.items.value) if (item.kind === 'code') item.isReady.value = true;
  }

  fail(message: string): void {
    this.#flush();
    this.fault.value = message;
    this.status.value = 'failed';
  }

  #add({ id, type, code }: WireItem): void {
    const made = newItem(id, type, code ?? '');
    if (made) this.items.value = [...this.items.value, made];
  }

  #find(id: string): AnswerItem | undefined {
    return this.items.value.find((item) => item.id === id);
  }

  /** Words are shown once a frame, however many come. */
  #write(id: string, text: string): void {
    const item = this.#find(id);
    if (!item) return;
    this.#texts.push({ to: item.kind === 'code' ? item.code : item.text, text });
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    if (document.hidden) setTimeout(() => this.#flush(), 50);
    else requestAnimationFrame(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    const more = new Map<Signal<string>, string>();
    for (const { to, text } of this.#texts.splice(0)) more.set(to, (more.get(to) ?? '') + text);
    for (const [to, text] of more) to.value += text;
  }

  #ready(id: string, code: string): void {
    this.#flush();
    const item = this.#find(id);
    if (item?.kind !== 'code' || item.isReady.value) return;
    item.code.value = code;
    item.isReady.value = true;
    this.onCode(item);
  }

  #finish(wire: WireItem): void {
    this.#flush();
    const item = this.#find(wire.id);
    if (!item) return;
    if (item.kind === 'message') {
      item.text.value = (wire.content ?? []).map(({ text = '' }) => text).join('');
      const files = (wire.content ?? []).flatMap(({ annotations = [] }) => annotations);
      item.files.value = [
        ...new Set(files.flatMap(({ filename }) => (filename && !isFigure(filename) ? [filename] : []))),
      ];
    }
    if (item.kind === 'thought' && wire.summary) item.text.value = wire.summary.map(({ text }) => text).join('');
    if (item.kind === 'code') {
      this.#ready(wire.id, wire.code ?? item.code.value);
      stored.set(item, wire.outputs ?? []);
    }
  }
}

/** Outputs that came with a response, for code whose run is no longer known. */
const stored = new WeakMap<CodeItem, readonly StoredOutput[]>();
export const storedOutputs = (item: CodeItem) => stored.get(item) ?? [];

function newItem(id: string, type: string, code: string): AnswerItem | undefined {
  switch (type) {
    case 'message':
      return { kind: 'message', id, text: signal(''), files: signal([]) };
    case 'reasoning':
      return { kind: 'thought', id, text: signal('') };
    case 'code_interpreter_call':
      return { kind: 'code', id, code: signal(code), isReady: signal(false), run: signal(undefined) };
    default:
      return undefined;
  }
}

/** A figure that is cited under the id of its file; it is in sight already. */
const isFigure = (filename: string) => /^cfile_[\w-]+\.\w+$/.test(filename);
