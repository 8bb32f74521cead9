import mime from 'mime';
import type { AssistantPart, ContentPart, Message } from '../../../agent/index.ts';
import { type Attachment, inlineFile, type NamedFile, readBase64, readDataUrl } from '../../../assistant/index.ts';
import { invalid } from '../errors.ts';
import { toOwn } from '../ids.ts';
import type { ChatMessage, ChatPart } from './wire.ts';

/** A file of a message, in the message or named by its id. */
type MessageFile = Attachment | NamedFile;

/** What a model did before it called functions, as it is stored. */
interface Steps {
  readonly parts: readonly AssistantPart[];
  readonly sessionId: string | null;
}

/** A client's history, as the model reads it. */
export interface Conversation {
  readonly messages: readonly Message[];
  /** For the container. */
  readonly files: readonly MessageFile[];
  /** The session of the unfinished answer at its end. */
  readonly earlier: string | undefined;
}

export interface ConversationOptions {
  /** Finds the stored steps before a call, by the id of the call. */
  readonly findSteps: (callId: string) => Promise<Steps | undefined>;
  /** Code can read them. */
  readonly takesFiles: boolean;
}

/**
 * Reads a history. Where it has calls of functions, the stored steps before them are put back.
 * @throws WireError for a part that cannot be read, naming it
 */
export async function toConversation(
  wire: readonly ChatMessage[],
  options: ConversationOptions,
): Promise<Conversation> {
  const files: MessageFile[] = [];
  const messages: Message[] = [];
  let earlier: string | undefined;
  const answered = wire.findLastIndex(({ role }) => role === 'assistant');
  for (const [at, message] of wire.entries()) {
    const param = `messages[${at}]`;
    if (message.role === 'assistant') {
      const { parts, sessionId } = await assistantParts(message, options);
      earlier = sessionId;
      messages.push({ role: 'assistant', content: parts });
      continue;
    }
    const from = files.length;
    const content = contentParts(message.content, `${param}.content`, files, options);
    if (at < answered) files.push(...files.splice(from).map((file) => ('id' in file ? { ...file, past: true } : file)));
    if (message.role === 'tool') {
      messages.push({ role: 'tool', callId: message.tool_call_id, content });
    } else {
      earlier = undefined;
      messages.push({ role: message.role === 'user' ? 'user' : 'system', content });
    }
  }
  return { messages, files, earlier };
}

async function assistantParts(
  { content, refusal, tool_calls: calls }: Extract<ChatMessage, { role: 'assistant' }>,
  { findSteps }: ConversationOptions,
): Promise<{ parts: readonly AssistantPart[]; sessionId: string | undefined }> {
  for (const { id } of calls ?? []) {
    const steps = await findSteps(id);
    if (steps) return { parts: steps.parts, sessionId: steps.sessionId ?? undefined };
  }
  const text = (typeof content === 'string' ? content : (content ?? []).map(textOf).join('')) || (refusal ?? '');
  return {
    parts: [
      ...(text === '' ? [] : [{ type: 'text' as const, text }]),
      ...(calls ?? []).map(({ id, function: { name, arguments: given } }) => {
        return { type: 'function_call' as const, callId: id, name, arguments: given };
      }),
    ],
    sessionId: undefined,
  };
}

function textOf(part: ChatPart): string {
  if (part.type === 'text') return part.text;
  return part.type === 'refusal' ? part.refusal : '';
}

function contentParts(
  content: string | readonly ChatPart[],
  param: string,
  files: MessageFile[],
  options: ConversationOptions,
): ContentPart[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return content.flatMap((part, at) => contentPart(part, `${param}[${at}]`, files, options));
}

/** The model sees an image, and its code finds it as a file. Any other file is for the code alone. */
function contentPart(
  part: ChatPart,
  param: string,
  files: MessageFile[],
  { takesFiles }: ConversationOptions,
): ContentPart[] {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return [{ type: 'text', text: textOf(part) }];
    case 'image_url': {
      const { url } = part.image_url;
      if (!url.startsWith('data:')) return [{ type: 'image_url', url }];
      const { mime: type, base64 } = readDataUrl(url) ?? {};
      const bytes = base64 === undefined ? undefined : readBase64(base64);
      if (!type || !bytes) throw invalid('The data URL of the image cannot be read.', `${param}.image_url.url`);
      const name = `image_${files.length + 1}.${mime.getExtension(type) ?? 'bin'}`;
      files.push(inlineFile(url, name, 'image'));
      return [{ type: 'image', mime: type, data: bytes.toString('base64') }];
    }
    case 'file': {
      if (!takesFiles) throw invalid('Files need the code_interpreter tool, which reads them.', param);
      files.push(messageFile(part.file, `${param}.file`));
      return [];
    }
  }
}

function messageFile(file: Extract<ChatPart, { type: 'file' }>['file'], param: string): MessageFile {
  if (file.file_id) return { id: toOwn('file', file.file_id), where: `${param}.file_id` };
  const base64 = readDataUrl(file.file_data ?? '')?.base64 ?? file.file_data ?? undefined;
  if (base64 === undefined)
    throw invalid(`Missing required parameter: '${param}.file_id'.`, `${param}.file_id`, 'missing_required_parameter');
  if (!readBase64(base64)) throw invalid('The data of the file is not base64.', `${param}.file_data`);
  return inlineFile(file.file_data!, file.filename ?? 'file', 'file');
}
