import type { AssistantPart, ContentPart, KeptCall, Message } from '../../../agent/index.ts';
import { readCompaction } from './compaction.ts';
import type { HistoryItem, InputPart } from './items.ts';

/** What turns parts into what a model reads, and runs into what it read of them. */
export interface Rendering {
  part(part: InputPart): readonly ContentPart[];
  /** What the model was shown of a run, by the id of its item; undefined when that is not known any more. */
  shown(itemId: string): string | undefined;
  /** What the provider wants back with a call. */
  kept(id: string): KeptCall | undefined;
  /** Ids of calls that code made. */
  readonly codeCalls: ReadonlySet<string>;
}

/** A conversation in the agent's words. Calls that code made are code's business and are left out. */
export function toMessages(items: readonly HistoryItem[], rendering: Rendering): Message[] {
  const messages: Message[] = [];
  let assistant: AssistantPart[] = [];
  const turn = () => {
    if (assistant.length > 0) messages.push({ role: 'assistant', content: assistant });
    assistant = [];
  };
  for (const item of usable(items, rendering.codeCalls)) {
    const parts = assistantParts(item, rendering);
    if (parts) {
      assistant.push(...parts);
      continue;
    }
    turn();
    if (item.type === 'function_call_output') {
      const content = typeof item.output === 'string' ? [text(item.output)] : item.output.flatMap(rendering.part);
      messages.push({ role: 'tool', callId: item.call_id, content });
    } else if (item.type === 'compaction') {
      const summary = readCompaction(item.encrypted_content)?.summary ?? '';
      messages.push({
        role: 'user',
        content: [text(`[Notes on the conversation so far, which stand for it:]\n${summary}`)],
      });
    } else if (item.type === 'message') {
      const role = item.role === 'user' ? 'user' : 'system';
      messages.push({ role, content: (item.content as InputPart[]).flatMap(rendering.part) });
    }
  }
  turn();
  return messages;
}

/** Without what never came to its end, and without what passes between code and client. */
function usable(items: readonly HistoryItem[], codeCalls: ReadonlySet<string>): HistoryItem[] {
  const isOfCode = (item: HistoryItem) => item.type === 'function_call' && item.caller?.type === 'program';
  const ofCode = new Set([
    ...codeCalls,
    ...items.flatMap((item) => (isOfCode(item) && 'call_id' in item ? [item.call_id] : [])),
  ]);
  return items.filter((item) => {
    if (item.type === 'function_call') return !ofCode.has(item.call_id) && item.status !== 'incomplete';
    if (item.type === 'function_call_output') return !ofCode.has(item.call_id);
    return item.type !== 'code_interpreter_call' || (item.status ?? 'completed') === 'completed';
  });
}

function assistantParts(item: HistoryItem, { shown, kept }: Rendering): AssistantPart[] | undefined {
  switch (item.type) {
    case 'reasoning':
      return (item.summary ?? []).map((part) => ({ type: 'reasoning', text: part.text }));
    case 'function_call':
      return [
        {
          type: 'function_call',
          callId: item.call_id,
          name: item.name,
          arguments: item.arguments,
          kept: kept(item.call_id),
        },
      ];
    case 'code_interpreter_call':
      return [
        {
          type: 'code_call',
          callId: item.id,
          code: item.code ?? '',
          // An empty text some providers refuse.
          shown: shown(item.id) ?? (logsOf(item.outputs ?? []) || '[no output is known]'),
          kept: kept(item.id),
        },
      ];
    case 'message':
      if (item.role !== 'assistant') return undefined;
      return (item.content as InputPart[]).flatMap((part) => {
        const said = part.type === 'refusal' ? part.refusal : 'text' in part ? part.text : '';
        return said === '' ? [] : [{ type: 'text', text: said } as const];
      });
    default:
      return undefined;
  }
}

function logsOf(outputs: readonly unknown[]): string {
  return outputs
    .map((output) => (output as { logs?: unknown } | null)?.logs)
    .filter((logs) => typeof logs === 'string')
    .join('\n');
}

function text(value: string): ContentPart {
  return { type: 'text', text: value };
}
