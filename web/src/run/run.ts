import { type Signal, signal } from '@preact/signals';
import type { Artifact, Bundle, Ending, ProgramError } from '../api/types.ts';
import { TextLog } from './text-log.ts';

/** A result that may be replaced in place. */
interface RichPart {
  readonly kind: 'rich';
  readonly isResult: boolean;
  readonly bundle: Signal<Bundle>;
}

export interface TextPart {
  readonly kind: 'text';
  readonly log: TextLog;
  /** Counts changes of the log. */
  readonly version: Signal<number>;
}

interface GapPart {
  readonly kind: 'gap';
  readonly count: number;
}

/** A question of the program that waits for a line. */
export interface Question {
  readonly id: string;
  readonly prompt: string;
  readonly isSecret: boolean;
}

export type Part = TextPart | RichPart | GapPart;

export type RunStatus = 'queued' | 'running' | 'done' | 'failed';

/** The tool by which code asks for a line of input. */
export const inputTool = 'dragoman_input';

/** Text that one frame of the screen may take in, in milliseconds. */
const sliceMs = 8;

/** One execution as a page shows it. Events are taken in once a frame, so that a flood of them does not freeze the page. */
export class Run {
  readonly id = signal<string | undefined>(undefined);
  readonly language: string;
  readonly code: string;
  readonly status = signal<RunStatus>('queued');
  readonly parts = signal<readonly Part[]>([]);
  readonly error = signal<ProgramError | undefined>(undefined);
  readonly artifacts = signal<readonly Artifact[]>([]);
  readonly ending = signal<Ending | undefined>(undefined);
  readonly question = signal<Question | undefined>(undefined);
  /** Why it could not be run, or was lost. */
  readonly fault = signal('');
  /** Milliseconds since the epoch; 0: not begun. */
  readonly startedAt = signal(0);
  readonly isInterrupting = signal(false);
  #waiting: { readonly event: string; readonly data: unknown }[] = [];
  #isScheduled = false;

  constructor(language: string, code: string) {
    this.language = language;
    this.code = code;
  }

  get isOver(): boolean {
    return this.status.value === 'done' || this.status.value === 'failed';
  }

  /** Takes an event of the execution's stream. */
  take(event: string, data: unknown): void {
    this.#waiting.push({ event, data });
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // A hidden page draws no frames, and still has to follow.
    if (document.hidden) setTimeout(() => this.#drain(), 50);
    else requestAnimationFrame(() => this.#drain());
  }

  fail(message: string): void {
    this.#drainAll();
    this.fault.value = message;
    this.status.value = 'failed';
  }

  #drain(): void {
    const until = performance.now() + sliceMs;
    let at = 0;
    while (at < this.#waiting.length && performance.now() < until) {
      const { event, data } = this.#waiting[at++]!;
      this.#apply(event, data);
    }
    this.#waiting.splice(0, at);
    this.#isScheduled = this.#waiting.length > 0;
    if (this.#isScheduled) setTimeout(() => this.#drain(), 4);
  }

  #drainAll(): void {
    for (const { event, data } of this.#waiting.splice(0)) this.#apply(event, data);
  }

  // biome-ignore lint/suspicious/noExplicitAny: the API describes the data of each event
  #apply(event: string, data: any): void {
    switch (event) {
      case 'start':
        this.id.value = data.id;
        if (this.startedAt.value === 0) this.startedAt.value = Date.now();
        this.status.value = 'running';
        break;
      case 'stdout':
      case 'stderr':
        this.#print(data.text, event === 'stderr');
        break;
      case 'display':
      case 'result':
        this.addRich(data, event === 'result');
        break;
      case 'error':
        this.error.value = data;
        this.#dropTraceback();
        break;
      case 'gap':
        this.#add({ kind: 'gap', count: data.to - data.from + 1 });
        break;
      case 'tool_call':
        if (data.name === inputTool)
          this.question.value = {
            id: data.id,
            prompt: String(data.input.prompt ?? ''),
            isSecret: data.input.secret === true,
          };
        break;
      case 'artifact':
        this.artifacts.value = [...this.artifacts.value, data];
        break;
      case 'done':
        this.#dropTraceback();
        this.ending.value = data;
        this.question.value = undefined;
        this.isInterrupting.value = false;
        this.status.value = 'done';
        break;
      case 'failed':
        this.fault.value = data.message;
        this.question.value = undefined;
        this.status.value = 'failed';
    }
  }

  /** The error is shown on its own, so stderr need not repeat it. */
  #dropTraceback(): void {
    const error = this.error.value;
    if (!error) return;
    for (const part of this.parts.value) {
      if (part.kind !== 'text') continue;
      part.log.drop(error.traceback.join('\n'));
      part.version.value++;
    }
  }

  addText(text: string, isError: boolean): void {
    this.#print(text, isError);
  }

  addRich(bundle: Bundle, isResult: boolean): void {
    this.#add({ kind: 'rich', isResult, bundle: signal(bundle) });
  }

  #print(text: string, isError: boolean): void {
    const last = this.parts.value.at(-1);
    const part: TextPart = last?.kind === 'text' ? last : { kind: 'text', log: new TextLog(), version: signal(0) };
    part.log.write(text, isError);
    if (part === last) part.version.value++;
    else this.#add(part);
  }

  #add(part: Part): void {
    this.parts.value = [...this.parts.value, part];
  }
}
