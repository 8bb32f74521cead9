import type {
  JSONObject,
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
  SharedV4ProviderMetadata,
} from '@ai-sdk/provider';
import { DragomanError } from '../core/index.ts';
import type { AssistantContent, TurnEvent, TurnUsage } from './upstreams.ts';

/** Most bytes of one answer. A provider that sends more is broken or hostile. */
const mostCharacters = 32 * 1024 * 1024;

/** Reads the parts of one answer, and keeps it in the form the provider wants it back in. */
export class Answer {
  readonly #content: AssistantContent = [];
  readonly #texts = new Map<string, { text: string; providerOptions?: SharedV4ProviderMetadata }>();
  readonly #calls = new Map<string, { name: string; arguments: string; ended: boolean }>();
  #characters = 0;
  #ended = false;

  /** @throws the provider's error when the part is one; DragomanError upstream_failed when the answer broke off or has no end */
  *take(part: LanguageModelV4StreamPart): Iterable<TurnEvent> {
    switch (part.type) {
      case 'text-start':
      case 'text-delta':
      case 'text-end':
      case 'reasoning-start':
      case 'reasoning-delta':
      case 'reasoning-end': {
        const [type, step] = part.type.split('-') as ['text' | 'reasoning', 'start' | 'delta' | 'end'];
        const block = this.#block(type, part.id);
        if (part.providerMetadata) block.providerOptions = { ...block.providerOptions, ...merged(block, part) };
        if (part.type === 'text-delta' || part.type === 'reasoning-delta') {
          this.#count(part.delta);
          block.text += part.delta;
          if (part.delta !== '') yield { type, delta: part.delta };
        }
        // A provider may use an id again for its next block of this kind.
        if (step === 'end') this.#texts.delete(`${type} ${part.id}`);
        return;
      }
      case 'tool-input-start':
        if (part.providerExecuted) return;
        yield* this.#start(part.id, part.toolName);
        return;
      case 'tool-input-delta': {
        const call = this.#calls.get(part.id);
        if (!call || call.ended || part.delta === '') return;
        this.#count(part.delta);
        call.arguments += part.delta;
        yield { type: 'call_delta', id: part.id, delta: part.delta };
        return;
      }
      case 'tool-call': {
        if (part.providerExecuted) return;
        const { toolCallId: id, toolName: name, input, providerMetadata } = part;
        const begun = this.#calls.get(id);
        if (begun?.ended) return;
        yield* this.#start(id, name);
        const call = this.#calls.get(id)!;
        if (call.arguments === '' && input !== '') {
          this.#count(input);
          yield { type: 'call_delta', id, delta: input };
        }
        call.arguments ||= input;
        call.ended = true;
        this.#content.push({
          type: 'tool-call',
          toolCallId: id,
          toolName: name,
          input: objectOf(call.arguments),
          ...(providerMetadata ? { providerOptions: providerMetadata } : {}),
        });
        yield { type: 'call', id, name, arguments: call.arguments };
        return;
      }
      case 'error':
        throw part.error;
      case 'finish': {
        const { unified } = part.finishReason;
        if (unified === 'error' || unified === 'interrupted')
          throw new DragomanError('upstream_failed', { message: 'The model provider broke off in the middle.' });
        const finish = unified === 'length' ? 'length' : unified === 'content-filter' ? 'content_filter' : 'stop';
        this.#ended = true;
        const content = this.#content.filter((part) => part.type !== 'text' || part.text !== '');
        const stopSequence = part.providerMetadata?.anthropic?.stopSequence;
        const stopped = typeof stopSequence === 'string' ? { stopSequence } : {};
        yield { type: 'end', finish, ...stopped, usage: usageOf(part.usage), content };
      }
    }
  }

  /** @throws DragomanError upstream_failed when there was no end */
  close(): void {
    if (!this.#ended)
      throw new DragomanError('upstream_failed', { message: 'The model provider broke off in the middle.' });
  }

  *#start(id: string, name: string): Iterable<TurnEvent> {
    if (this.#calls.has(id)) return;
    this.#calls.set(id, { name, arguments: '', ended: false });
    yield { type: 'call_start', id, name };
  }

  #block(type: 'text' | 'reasoning', id: string) {
    const key = `${type} ${id}`;
    let block = this.#texts.get(key);
    if (!block) {
      block = { text: '' };
      this.#texts.set(key, block);
      this.#content.push(Object.assign(block, { type }));
    }
    return block;
  }

  #count(delta: string): void {
    this.#characters += delta.length;
    if (this.#characters > mostCharacters)
      throw new DragomanError('upstream_failed', { message: 'The model provider does not stop writing.' });
  }
}

/** An answer that came whole, as the parts of a stream. */
export function* partsOf(result: LanguageModelV4GenerateResult): Iterable<LanguageModelV4StreamPart> {
  for (const [index, part] of result.content.entries()) {
    const id = String(index);
    const metadata = part.providerMetadata === undefined ? {} : { providerMetadata: part.providerMetadata };
    if (part.type === 'text' || part.type === 'reasoning') {
      yield { type: `${part.type}-start`, id, ...metadata };
      yield { type: `${part.type}-delta`, id, delta: part.text };
      yield { type: `${part.type}-end`, id };
    } else if (part.type === 'tool-call') yield part;
  }
  const metadata = result.providerMetadata === undefined ? {} : { providerMetadata: result.providerMetadata };
  yield { type: 'finish', finishReason: result.finishReason, usage: result.usage, ...metadata };
}

type Marked = { providerOptions?: SharedV4ProviderMetadata; providerMetadata?: SharedV4ProviderMetadata };

/** The provider's state of a block. Providers send parts of it at the beginning and at the end of the block. */
function merged(before: Marked, { providerMetadata = {} }: Marked): SharedV4ProviderMetadata {
  const entries = Object.entries(providerMetadata).map(([provider, fields]): [string, JSONObject] => [
    provider,
    { ...before.providerOptions?.[provider], ...fields },
  ]);
  return Object.fromEntries(entries);
}

function objectOf(written: string): unknown {
  try {
    const value: unknown = JSON.parse(written || '{}');
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

function usageOf({ inputTokens, outputTokens }: LanguageModelV4Usage): TurnUsage {
  return {
    inputTokens: inputTokens.total ?? 0,
    cachedTokens: inputTokens.cacheRead ?? 0,
    outputTokens: outputTokens.total ?? 0,
    reasoningTokens: outputTokens.reasoning ?? 0,
  };
}
