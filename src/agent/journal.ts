import type { LanguageModelV4Prompt } from '@ai-sdk/provider';
import type { AgentEvent, AgentState, ProviderState, TokenUsage } from './agent.ts';
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

/** An `AgentState`, as the loop writes and reads it. */
export interface LoopState extends AgentState {
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

/** The latest of these states, with the messages of all of them. Undefined without any. */
export function joinedStates(kept: readonly AgentState[]): AgentState | undefined {
  const states = kept as readonly LoopState[];
  const [first, latest] = [states[0], states.at(-1)];
  if (!first || !latest) return undefined;
  const { from } = first.prompt;
  const messages: LanguageModelV4Prompt = [];
  for (const { prompt } of states) messages.splice(prompt.from - from, messages.length, ...prompt.messages);
  const joined: LoopState = { ...latest, prompt: { from, messages: messages.map(revived) } };
  return joined;
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
