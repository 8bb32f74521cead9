/** What a scripted model does, in order, within one answer. */
export type Step =
  /** Several strings are several deltas. */
  | { readonly text: string | readonly string[] }
  | { readonly reasoning: string | readonly string[] }
  /**
   * A call of a tool. An object becomes JSON in one delta; a string is sent as it is, broken or not; several strings are several
   * deltas. `id: null` leaves the id out where the wire allows that (Chat Completions only).
   */
  | { readonly call: string; readonly arguments: unknown; readonly id?: string | null }
  /** A call of `python` with this code as its one argument, split into deltas of some characters. */
  | { readonly python: string; readonly id?: string }
  /** Milliseconds in which nothing is sent. */
  | { readonly wait: number }
  /** Nothing is sent until this settles, or never again when it does not. */
  | { readonly until: Promise<unknown> }
  /** The connection breaks. */
  | { readonly drop: true }
  /** Sent as it is: broken frames, an error in the middle. Streams only. */
  | { readonly raw: string }
  /** How it ends; without this step: `tool_calls` after a call, else `stop`. Words of Chat Completions. */
  | { readonly finish: Finish }
  /** Tokens of this answer; without this step 10 in and 5 out. */
  | { readonly usage: Tokens };

export type Finish = 'stop' | 'length' | 'tool_calls' | 'content_filter';

export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cached?: number;
  readonly reasoning?: number;
}

/** One answer: steps, or a refusal before anything was sent. */
export type Turn =
  | readonly Step[]
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> };

/** A block of an answer, as every wire has it. */
export type Block =
  | { readonly type: 'text'; readonly deltas: readonly string[] }
  | { readonly type: 'reasoning'; readonly deltas: readonly string[] }
  | {
      readonly type: 'call';
      readonly id: string | null;
      readonly name: string;
      readonly deltas: readonly string[];
    };

const pieces = (value: string | readonly string[]): readonly string[] => (typeof value === 'string' ? [value] : value);

/** The block a step writes; undefined for a step that writes none. */
export function blockOf(step: Step, newId: () => string): Block | undefined {
  if ('text' in step) return { type: 'text', deltas: pieces(step.text) };
  if ('reasoning' in step) return { type: 'reasoning', deltas: pieces(step.reasoning) };
  if ('python' in step) {
    const deltas = JSON.stringify({ code: step.python }).match(/[\s\S]{1,7}/g)!;
    return { type: 'call', id: step.id ?? newId(), name: 'python', deltas };
  }
  if ('call' in step) {
    const written = step.arguments;
    const deltas = typeof written === 'string' || Array.isArray(written) ? pieces(written) : [JSON.stringify(written)];
    return { type: 'call', id: step.id === undefined ? newId() : step.id, name: step.call, deltas };
  }
  return undefined;
}
