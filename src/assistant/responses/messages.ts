import type { AssistantPart, ContentPart, Message, ProviderState } from '../../agent/index.ts';
import { readCompaction } from '../compaction.ts';
import { placeOf } from '../item-ids.ts';
import type { CodeOutput, Item, Part } from '../items.ts';

/** What a model reads in place of parts and of runs. */
export interface Rendering {
  part(part: Part): readonly ContentPart[];
  /** What the model read of runs, by the id of their items. */
  readonly modelViews: ReadonlyMap<string, string>;
  readonly providerStates: ReadonlyMap<string, ProviderState>;
  /** Ids of calls that code made. */
  readonly codeCalls: ReadonlySet<string>;
}

/** A conversation as messages for the agent. Calls that code made stay between code and client: the model does not see them. */
export function toMessages(items: readonly Item[], rendering: Rendering): Message[] {
  const messages: Message[] = [];
  let assistant: AssistantPart[] = [];
  const endTurn = () => {
    if (assistant.length > 0) messages.push({ role: 'assistant', content: assistant });
    assistant = [];
  };
  for (const item of usable(items, rendering.codeCalls)) {
    const parts = assistantParts(item, rendering);
    if (parts) {
      assistant.push(...parts);
      continue;
    }
    endTurn();
    if (item.type === 'function_result') {
      const content = typeof item.output === 'string' ? [text(item.output)] : item.output.flatMap(rendering.part);
      messages.push({ role: 'tool', callId: item.callId, content });
    } else if (item.type === 'compaction') {
      const summary = readCompaction(item.content)?.summary ?? '';
      const content = [text(`[Notes on the conversation so far, which stand for it:]\n${summary}`)];
      messages.push({ role: 'user', content });
    } else if (item.type === 'message') {
      const role = item.role === 'user' ? 'user' : 'system';
      messages.push({ role, content: item.parts.flatMap(rendering.part) });
    }
  }
  endTurn();
  return messages;
}

/** Without what was never completed, and without what passes between code and client. */
function usable(items: readonly Item[], codeCalls: ReadonlySet<string>): Item[] {
  const fromCode = new Set([
    ...codeCalls,
    ...items.flatMap((item) => (item.type === 'function_call' && item.fromCode !== undefined ? [item.callId] : [])),
  ]);
  return items.filter((item) => {
    if (item.type === 'function_call') return !fromCode.has(item.callId) && item.status !== 'incomplete';
    if (item.type === 'function_result') return !fromCode.has(item.callId);
    return item.type !== 'code' || item.status === 'completed';
  });
}

function assistantParts(item: Item, { modelViews, providerStates }: Rendering): AssistantPart[] | undefined {
  switch (item.type) {
    case 'reasoning':
      return item.summary.map((part) => ({ type: 'reasoning', text: part }));
    case 'function_call': {
      const { callId, name, arguments: args } = item;
      const providerState = providerStates.get(callId);
      return [{ type: 'function_call', callId, name, arguments: args, providerState }];
    }
    case 'code': {
      // Some providers refuse an empty text.
      const modelView = modelViews.get(item.id) ?? (logsOf(item.outputs) || '[no output is known]');
      const providerState = providerStates.get(item.id);
      // Some providers want a letter at the beginning of an id.
      const callId = placeOf(item.id) ? `call_${item.id}` : item.id;
      return [{ type: 'code_call', callId, code: item.code, modelView, providerState }];
    }
    case 'message':
      if (item.role !== 'assistant') return undefined;
      return item.parts.flatMap((part) => ('text' in part && part.text !== '' ? [text(part.text)] : []));
    default:
      return undefined;
  }
}

function logsOf(outputs: readonly CodeOutput[]): string {
  return outputs.flatMap((output) => (output.type === 'logs' ? [output.text] : [])).join('\n');
}

function text(value: string): { type: 'text'; text: string } {
  return { type: 'text', text: value };
}
