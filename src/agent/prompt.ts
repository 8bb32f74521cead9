import type {
  LanguageModelV4FilePart,
  LanguageModelV4Prompt,
  LanguageModelV4ToolResultOutput,
  LanguageModelV4ToolResultPart,
} from '@ai-sdk/provider';
import { DragomanError } from '../core/index.ts';
import type { AssistantContent } from '../upstreams/index.ts';
import type { AssistantPart, ContentPart, Message, ProviderState } from './agent.ts';
import { byProvider } from './provider-state.ts';

/**
 * A conversation in the form models are asked in. `tool` is what our tool is called there.
 * @param isBlind the model cannot see: images become notes
 * @throws DragomanError invalid_request
 */
export function toPrompt(messages: readonly Message[], tool: string, isBlind = false): LanguageModelV4Prompt {
  const prompt = new PromptBuilder();
  const names = new Map<string, string>();
  const seen = (content: readonly ContentPart[]) =>
    isBlind ? content.map((part) => (part.type === 'text' ? part : unseen)) : content;
  const lastAsked = messages.findLastIndex(({ role }) => role === 'user');
  for (const [index, message] of messages.entries()) {
    if (message.role === 'assistant') {
      for (const part of message.content) if (part.type === 'function_call') names.set(part.callId, part.name);
      // Thoughts before the last question are left out: some providers refuse them.
      const isPast = index < lastAsked;
      const parts = message.content.filter(({ type }) => type !== 'reasoning' || !isPast);
      said(prompt, isPast ? parts.map((part) => ({ ...part, providerState: undefined })) : parts, tool);
    } else if (message.role === 'tool')
      prompt.result(message.callId, names.get(message.callId) ?? 'function', resultOutput(seen(message.content)));
    else if (message.role === 'system') prompt.system(textOf(message.content));
    else prompt.user(seen(message.content).map(contentPart));
  }
  return prompt.messages;
}

/** Names of the tools a conversation has calls of. */
export function calledTools(messages: readonly Message[], tool: string): string[] {
  const names = messages.flatMap((message) =>
    message.role !== 'assistant'
      ? []
      : message.content.flatMap((part) => {
          if (part.type === 'code_call') return part.sessionTool?.name ?? tool;
          return part.type === 'function_call' ? part.name : [];
        }),
  );
  return [...new Set(names)];
}

/**
 * An assistant's message may hold several of its turns: what it said, code that ran, what it said then. Results go after the
 * turn that called for them; functions of the client's that were called beside code belong to the same turn.
 */
function said(prompt: PromptBuilder, parts: readonly AssistantPart[], tool: string): void {
  const results: [callId: string, name: string, modelView: string][] = [];
  const settle = () => {
    for (const [callId, name, value] of results.splice(0)) prompt.result(callId, name, { type: 'text', value });
  };
  let functions = false;
  for (const part of parts) {
    if (part.type === 'text' || part.type === 'reasoning') {
      settle();
      functions = false;
      if (part.text !== '') prompt.assistant([{ type: part.type, text: part.text }]);
    } else if (part.type === 'code_call') {
      if (!functions) settle();
      const { name, input } = part.sessionTool ?? { name: tool, input: { code: part.code } };
      prompt.call(part.callId, name, input, part.providerState);
      results.push([part.callId, name, part.modelView]);
    } else {
      functions = true;
      prompt.call(part.callId, part.name, argumentsOf(part.arguments), part.providerState);
    }
  }
  settle();
}

/** Builds a prompt. Providers demand that successive parts of one speaker are one message. */
export class PromptBuilder {
  readonly messages: LanguageModelV4Prompt = [];

  system(text: string): void {
    if (text !== '') this.messages.push({ role: 'system', content: text });
  }

  user(content: Extract<LanguageModelV4Prompt[number], { role: 'user' }>['content']): void {
    const parts = content.filter((part) => part.type !== 'text' || part.text !== '');
    this.messages.push({ role: 'user', content: parts.length > 0 ? parts : [{ type: 'text', text: ' ' }] });
  }

  assistant(content: AssistantContent): void {
    const last = this.messages.at(-1);
    if (last?.role === 'assistant') last.content.push(...content);
    else this.messages.push({ role: 'assistant', content: [...content] });
  }

  /** A call and its provider's state. Thoughts come before what the model said with the call. */
  call(toolCallId: string, toolName: string, input: unknown, providerState: ProviderState | undefined): void {
    const { thoughts, options } = providerState ?? {};
    this.assistant([]);
    const { content } = this.messages.at(-1) as Extract<LanguageModelV4Prompt[number], { role: 'assistant' }>;
    if (thoughts) {
      const said = content.splice(content.findLastIndex(({ type }) => type === 'tool-call') + 1);
      content.push(
        ...thoughts.map(({ text, options }) => ({
          type: 'reasoning' as const,
          text,
          providerOptions: byProvider(options),
        })),
        ...said.filter(({ type }) => type !== 'reasoning'),
      );
    }
    const signed = options ? { providerOptions: byProvider(options) } : {};
    content.push({ type: 'tool-call', toolCallId, toolName, input, ...signed });
  }

  result(toolCallId: string, toolName: string, output: LanguageModelV4ToolResultOutput): void {
    const part: LanguageModelV4ToolResultPart = { type: 'tool-result', toolCallId, toolName, output };
    const last = this.messages.at(-1);
    if (last?.role === 'tool') last.content.push(part);
    else this.messages.push({ role: 'tool', content: [part] });
  }
}

const unseen: ContentPart = {
  type: 'text',
  text: '[An image is here. It is not shown to this model: the setting DRAGOMAN_UPSTREAM_VISION is off.]',
};

const textOf = (parts: readonly ContentPart[]): string =>
  parts.map((part) => (part.type === 'text' ? part.text : '')).join('\n');

function contentPart(part: ContentPart): { type: 'text'; text: string } | LanguageModelV4FilePart {
  return part.type === 'text' ? { type: 'text', text: part.text } : picture(part);
}

function resultOutput(parts: readonly ContentPart[]): LanguageModelV4ToolResultOutput {
  if (parts.every(({ type }) => type === 'text')) return { type: 'text', value: textOf(parts) };
  return { type: 'content', value: parts.map(contentPart) };
}

/** A picture as a file part. @throws DragomanError invalid_request */
function picture(part: Exclude<ContentPart, { type: 'text' }>): LanguageModelV4FilePart {
  if (part.type === 'image') return imageFile(part.mime, part.data);
  const inline = /^data:([\w.+-]+\/[\w.+-]+)?(?:;[\w=.-]+)*;base64,/i.exec(part.url);
  if (inline) return imageFile(inline[1] ?? 'image/png', part.url.slice(inline[0].length));
  const url = URL.parse(part.url);
  // Providers fetch pictures themselves; nothing is ever fetched from here.
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    throw new DragomanError('invalid_request', { message: 'An image must be a data URL or an http address.' });
  return { type: 'file', mediaType: 'image/*', data: { type: 'url', url } };
}

/** A picture from its base64. */
export function imageFile(mediaType: string, data: string): LanguageModelV4FilePart {
  return { type: 'file', mediaType, data: { type: 'data', data } };
}

/** Arguments as providers want them back: an object, also when the model wrote something else. */
function argumentsOf(written: string): unknown {
  try {
    const value: unknown = JSON.parse(written || '{}');
    return typeof value === 'object' && value !== null ? value : { value };
  } catch {
    return { arguments: written };
  }
}
