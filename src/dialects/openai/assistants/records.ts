import type { Principal } from '../../../core/index.ts';
import type { DialectContext } from '../../../http/index.ts';
import type { Document } from '../../../service/index.ts';
import { ownDocument } from '../documents.ts';
import { notFound } from '../errors.ts';
import { ownId, seconds, wireId } from '../ids.ts';
import { type AssistantSettings, assistantSettings } from './wire.ts';

/** The kind of the documents that assistants are. */
export const assistantKind = 'openai_assistant';

/** Assistants stay until they are deleted. */
export const never = 8.64e15;

export function assistantDocument(
  principal: Principal,
  id: string,
  createdAt: number,
  settings: AssistantSettings,
): Document {
  const { tenant, id: principalId } = principal;
  return { kind: assistantKind, id, tenant, principalId, name: null, createdAt, expiresAt: never, body: settings };
}

export function settingsOf({ body }: Document): AssistantSettings {
  return assistantSettings.parse(body);
}

/** A caller's own assistant. @throws WireError 404 */
export async function findAssistant(context: DialectContext, principal: Principal, id: string): Promise<Document> {
  const own = ownId('assistant', id);
  const document = own && (await ownDocument(context, principal, assistantKind, own));
  if (!document) throw notFound(`No assistant found with id '${id.slice(0, 64)}'.`);
  return document;
}

/** An assistant on the wire; `tool_resources` says what `files` does, for clients of OpenAI's. */
export function assistantObject(document: Document) {
  const { files, ...settings } = settingsOf(document);
  return {
    id: wireId('assistant', document.id),
    object: 'assistant' as const,
    created_at: seconds(document.createdAt),
    ...settings,
    files,
    tool_resources: { code_interpreter: { file_ids: files } },
  };
}
