import type { LanguageModelV4FilePart, LanguageModelV4Prompt, LanguageModelV4ToolResultPart } from '@ai-sdk/provider';

/** For providers whose tool results are text alone: pictures follow in a message of the user's, after the turn's last result. */
export function picturesAfterResults(prompt: LanguageModelV4Prompt): LanguageModelV4Prompt {
  const changed: LanguageModelV4Prompt = [];
  let pictures: LanguageModelV4FilePart[] = [];
  const show = () => {
    if (pictures.length === 0) return;
    const text = 'The pictures that the tool results above speak of:';
    changed.push({ role: 'user', content: [{ type: 'text', text }, ...pictures] });
    pictures = [];
  };
  for (const message of prompt) {
    if (message.role !== 'tool') {
      show();
      changed.push(message);
      continue;
    }
    const content = message.content.map((part) => {
      if (part.type !== 'tool-result' || part.output.type !== 'content') return part;
      pictures.push(...filesOf(part));
      return { ...part, output: { type: 'text' as const, value: textOf(part) } };
    });
    changed.push({ ...message, content });
  }
  show();
  return changed;
}

function filesOf({ output }: LanguageModelV4ToolResultPart): LanguageModelV4FilePart[] {
  return output.type === 'content' ? output.value.filter((part) => part.type === 'file') : [];
}

function textOf({ output }: LanguageModelV4ToolResultPart): string {
  const parts = output.type === 'content' ? output.value : [];
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

/** For providers that take instructions at the beginning only: later ones are said by the user. */
export function lateSystemAsUser(prompt: LanguageModelV4Prompt): LanguageModelV4Prompt {
  const first = prompt.findIndex(({ role }) => role !== 'system');
  return prompt.map((message, index) =>
    message.role === 'system' && first >= 0 && index > first
      ? { role: 'user', content: [{ type: 'text', text: message.content }] }
      : message,
  );
}
