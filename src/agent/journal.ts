import type { LanguageModelV4Prompt } from '@ai-sdk/provider';
import type { AgentEvent, ProviderState, TokenUsage } from './agent.ts';
import type { Call } from './blocks.ts';

/** A part of a complete turn that is not served yet: its events, then its code, if it has any. */
export interface Unserved {
  readonly events: readonly AgentEvent[];
  readonly code: Call | undefined;
}

/** Where a loop goes on: it asks the model next, or code has been sent and its end is waited for. */
export type LoopPlace =
  | { readonly type: 'turn'; readonly turn: number }
  | {
      readonly type: 'code';
      readonly turn: number;
      readonly call: Call;
      readonly executionId: string;
      /** Place in the execution's history. */
      readonly after: number;
      /** How many pieces of code of this turn were sent. */
      readonly sent: number;
      /** What follows the code in its turn. */
      readonly rest: readonly Unserved[];
      readonly hasFunctions: boolean;
    };

/** What another process needs in order to go on with a loop: plain data, which survives JSON. */
export interface LoopState {
  readonly place: LoopPlace;
  /** The messages of the prompt from this index on; those before are the request's own, or of an earlier state. */
  readonly prompt: { readonly from: number; readonly messages: LanguageModelV4Prompt };
  readonly ids: readonly string[];
  readonly callsLeft: number;
  readonly faults: number;
  readonly last: { readonly code: string; readonly times: number };
  readonly pictureCharacters: number;
  readonly providerStates: Readonly<Record<string, ProviderState>>;
  readonly usage: TokenUsage;
  readonly stopSequence?: string | undefined;
}

/** Keeps where a loop is, so that another process can go on with it. Code is never sent a second time. */
export interface LoopJournal {
  /** Where an earlier process left it, of `joinedStates`; absent: it begins. */
  readonly state?: LoopState | undefined;
  /** Another process goes on with the loop: code that runs is left alone when this one ends. */
  readonly isLeft: boolean;
  /**
   * Resolves when the state is kept: before code is sent, and before a model is asked again. Every event told before it has been taken
   * by the loop's reader. A rejection ends the loop.
   */
  keep(state: LoopState): Promise<void>;
  /** The id of the execution of a piece of code: the same in every process that runs the loop. */
  executionId(turn: number, number: number): string;
}

/** The latest of these states, with the messages of all of them. Undefined without any. */
export function joinedStates(states: readonly LoopState[]): LoopState | undefined {
  const [first, latest] = [states[0], states.at(-1)];
  if (!first || !latest) return undefined;
  const { from } = first.prompt;
  const messages: LanguageModelV4Prompt = [];
  for (const { prompt } of states) messages.splice(prompt.from - from, messages.length, ...prompt.messages);
  return { ...latest, prompt: { from, messages: messages.map(revived) } };
}

/** JSON has no addresses: they come back as texts. */
function revived(message: LanguageModelV4Prompt[number]): LanguageModelV4Prompt[number] {
  if (typeof message.content === 'string') return message;
  return { ...message, content: message.content.map(revivedPart) } as LanguageModelV4Prompt[number];
}

function revivedPart(part: unknown): unknown {
  const { output, data } = part as { output?: { value?: unknown }; data?: { type?: string; url?: unknown } };
  if (Array.isArray(output?.value))
    return { ...(part as object), output: { ...output, value: output.value.map(revivedPart) } };
  if (data?.type !== 'url' || typeof data.url !== 'string') return part;
  return { ...(part as object), data: { ...data, url: new URL(data.url) } };
}
