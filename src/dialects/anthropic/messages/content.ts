import { z } from 'zod';
import type { ContentPart } from '../../../agent/index.ts';
import { readBase64 } from '../../../assistant/index.ts';
import { invalid } from '../errors.ts';
import { parse } from '../parse.ts';
import type { InBlock } from './wire.ts';

/** What the model reads in place of files that a conversation names. */
export interface ContentFiles {
  /** A file that was put where code runs, as a note of where it is. */
  uploaded(fileId: string): string;
  /** A file as the model sees or reads it, or a note that it is there. @throws Refusal naming `where` */
  shown(fileId: string, as: 'image' | 'text', where: string): Promise<ContentPart>;
  /** A document that the model cannot read itself, by the place of its block; undefined when code cannot read it either. */
  document(where: string): string | undefined;
}

const text = z.looseObject({ text: z.string() });
const upload = z.looseObject({ file_id: z.string().max(256) });
const base64 = z.looseObject({ type: z.literal('base64'), media_type: z.string().max(128), data: z.string() });
const url = z.looseObject({ type: z.literal('url'), url: z.string() });
const file = z.looseObject({ type: z.literal('file'), file_id: z.string().max(256) });
const image = z.looseObject({ source: z.discriminatedUnion('type', [base64, url, file]) });
const plain = z.looseObject({ type: z.literal('text'), data: z.string() });
const blocks = z.array(z.looseObject({ type: z.string() }));
const nested = z.looseObject({ type: z.literal('content'), content: z.union([z.string(), blocks]) });

export const documentBlock = z.looseObject({
  title: z.string().nullish(),
  context: z.string().nullish(),
  source: z.discriminatedUnion('type', [base64, plain, nested, url, file]),
});

const searchResult = z.looseObject({
  title: z.string().nullish(),
  source: z.string().nullish(),
  content: blocks.nullish(),
});

/** Blocks of other servers' tools. Histories come from anywhere, so they are left out rather than refused. */
const foreign =
  /(?:^mcp_|_tool_use$|_tool_result$|^tool_reference$|^compaction|^fallback|^redacted_thinking$|^thinking$)/;

/** Blocks of a user, or of a tool's result, as the model reads them. @throws WireError naming the block; Refusal */
export async function contentParts(
  content: string | readonly InBlock[],
  where: string,
  files: ContentFiles,
): Promise<ContentPart[]> {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  const parts: ContentPart[] = [];
  for (const [at, block] of content.entries()) parts.push(...(await blockParts(block, `${where}.${at}`, files)));
  return parts;
}

/** One block, as `contentParts`. */
export async function blockParts(block: InBlock, where: string, files: ContentFiles): Promise<ContentPart[]> {
  switch (block.type) {
    case 'text':
      return [{ type: 'text', text: parse(text, block, where).text }];
    case 'image':
      return [await imagePart(parse(image, block, where), where, files)];
    case 'document':
      return documentParts(parse(documentBlock, block, where), where, files);
    case 'container_upload':
      return [{ type: 'text', text: files.uploaded(parse(upload, block, where).file_id) }];
    case 'search_result': {
      const { title, source, content } = parse(searchResult, block, where);
      const head = [title, source].filter((part) => part).join(', ');
      return [{ type: 'text', text: `[${head}]\n${textOf(content ?? [])}` }];
    }
    default:
      if (foreign.test(block.type)) return [];
      throw invalid(where, `A block of the type '${block.type.slice(0, 64)}' is not known.`);
  }
}

async function imagePart({ source }: z.infer<typeof image>, where: string, files: ContentFiles): Promise<ContentPart> {
  if (source.type === 'file') return files.shown(source.file_id, 'image', `${where}.source.file_id`);
  if (source.type === 'url') {
    if (!/^https?:\/\//i.test(source.url)) throw invalid(`${where}.source.url`, 'It must be an http address.');
    return { type: 'image_url', url: source.url };
  }
  if (!/^image\/[\w.+-]+$/.test(source.media_type) || !readBase64(source.data))
    throw invalid(`${where}.source`, 'It must be an image in base64.');
  return { type: 'image', mime: source.media_type, data: source.data };
}

async function documentParts(
  { title, context, source }: z.infer<typeof documentBlock>,
  where: string,
  files: ContentFiles,
): Promise<ContentPart[]> {
  const head = [title, context].filter((part) => part).join('\n');
  const headed = (body: string): ContentPart[] => [{ type: 'text', text: head === '' ? body : `[${head}]\n${body}` }];
  if (source.type === 'text') return headed(source.data);
  if (source.type === 'content')
    return contentParts(source.content as string | InBlock[], `${where}.source.content`, files);
  if (source.type === 'file') return [await files.shown(source.file_id, 'text', `${where}.source.file_id`)];
  if (source.type === 'base64' && source.media_type.startsWith('text/')) {
    const bytes = readBase64(source.data);
    if (bytes) return headed(bytes.toString('utf8'));
  }
  const note = source.type === 'base64' ? files.document(where) : undefined;
  if (note !== undefined) return headed(note);
  throw invalid(
    where,
    'This model cannot be shown such a document. Upload it with the Files API, add a container_upload block, and give the request a code execution tool.',
  );
}

function textOf(content: readonly Readonly<Record<string, unknown>>[]): string {
  return content.flatMap((block) => (typeof block.text === 'string' ? block.text : [])).join('\n');
}

/** The text of a tool's result, for code. */
export function resultText(content: unknown): string {
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? textOf(content.filter((block) => typeof block === 'object' && block !== null)) : '';
}
