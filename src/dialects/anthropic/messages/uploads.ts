import { z } from 'zod';
import type { ContentPart } from '../../../agent/index.ts';
import { type Attachment, inlineFile, Refusal, shownFile, type Workplace } from '../../../assistant/index.ts';
import type { Principal } from '../../../core/index.ts';
import { invalid } from '../errors.ts';
import { toOwn } from '../ids.ts';
import type { AnthropicServices } from '../services.ts';
import { type ContentFiles, documentBlock } from './content.ts';
import type { InMessage } from './wire.ts';

/** Most files of one request, its history included. */
const maxFiles = 256;

const uploadBlock = z.looseObject({ type: z.literal('container_upload'), file_id: z.string().max(256) });

/** The files that a request brings along for its code. */
export interface Uploads {
  /** By the client's id; null for one of an earlier turn that is gone. */
  readonly byId: ReadonlyMap<string, Attachment | null>;
  /** Documents that only code can read, by the place of their block. */
  readonly documents: ReadonlyMap<string, Attachment>;
  /** All of them. */
  readonly files: readonly Attachment[];
}

/**
 * Finds the files of a conversation. Without `hasCode` there are none.
 * @throws Refusal naming the block of a file that does not exist
 */
export async function findUploads(
  { assistant }: Pick<AnthropicServices, 'assistant'>,
  principal: Principal,
  messages: readonly InMessage[],
  hasCode: boolean,
): Promise<Uploads> {
  const byId = new Map<string, Attachment | null>();
  const documents = new Map<string, Attachment>();
  if (!hasCode) return { byId, documents, files: [] };
  const answered = messages.findLastIndex(({ role }) => role === 'assistant');
  for (const [at, { content }] of messages.entries()) {
    if (typeof content === 'string') continue;
    for (const [index, block] of content.entries()) {
      const where = `messages.${at}.content.${index}`;
      if (block.type === 'document') {
        const document = inlineDocument(block);
        if (document) documents.set(where, document);
        continue;
      }
      const upload = uploadBlock.safeParse(block).data;
      if (!upload || byId.has(upload.file_id)) continue;
      const named = { id: toOwn('file', upload.file_id), where: `${where}.file_id`, past: at < answered };
      const [file] = await assistant.messageAttachments.named(principal, [named]);
      byId.set(upload.file_id, file ?? null);
      if (byId.size > maxFiles) throw invalid(where, `A request can have at most ${maxFiles} files.`);
    }
  }
  const files = [...byId.values(), ...documents.values()].filter((file) => file !== null);
  return { byId, documents, files };
}

/** A document in base64 that is no text. */
function inlineDocument(block: unknown): Attachment | undefined {
  const { title, source } = documentBlock.safeParse(block).data ?? {};
  if (source?.type !== 'base64' || source.media_type.startsWith('text/')) return undefined;
  const name = title && /\.\w{1,8}$/.test(title) ? title : undefined;
  return inlineFile(`data:${source.media_type};base64,${source.data}`, name, 'document');
}

/** What the model reads in place of files. */
export function contentFiles(
  { assistant }: Pick<AnthropicServices, 'assistant'>,
  principal: Principal,
  uploads: Uploads,
  workplace: Workplace | undefined,
): ContentFiles {
  const noteOf = (file: Attachment) =>
    workplace ? `[${file.name} is at /mnt/data/${workplace.pathOf(file)}]` : `[A file: ${file.name}]`;
  return {
    uploaded(fileId) {
      const file = uploads.byId.get(fileId);
      if (file) return noteOf(file);
      return file === null ? '[The file attached here is no longer available.]' : '[A file is attached here.]';
    },
    document(where) {
      const file = uploads.documents.get(where);
      return file && noteOf(file);
    },
    async shown(fileId, as, where): Promise<ContentPart> {
      const attachments = assistant.messageAttachments;
      const [file] = await attachments.named(principal, [{ id: toOwn('file', fileId), where }]);
      try {
        return await shownFile(attachments, principal, file!, as);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        throw new Refusal(error.reason, error.message, { id: fileId, where });
      }
    },
  };
}
