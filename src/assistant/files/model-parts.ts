import { buffer } from 'node:stream/consumers';
import mime from 'mime';
import type { ContentPart } from '../../agent/index.ts';
import type { Principal } from '../../core/index.ts';
import type { Part } from '../items.ts';
import { Refusal } from '../refusal.ts';
import type { Attachment, Attachments, ConversationFiles } from './attachments.ts';

/** Largest file that is put into the prompt as text, and largest image. */
const maxTextBytes = 256 * 1024;
const maxImageBytes = 20 * 1024 * 1024;

/**
 * What the model reads in place of each part that brings a file: an image as an image; another file as its path when there is code
 * to read it, and as its text when there is not.
 * @param pathOf where code finds a file, relative to the workspace; undefined when no code can run
 * @throws Refusal file_unusable for a file that neither the model nor code can read
 */
export async function modelParts(
  attachments: Attachments,
  principal: Principal,
  { byPart, gone }: ConversationFiles,
  pathOf: (file: Attachment) => string | undefined,
): Promise<ReadonlyMap<Part, readonly ContentPart[]>> {
  const read = new Map<Part, readonly ContentPart[]>();
  for (const part of gone) read.set(part, [{ type: 'text', text: '[The file attached here is no longer available.]' }]);
  for (const [part, file] of byPart) {
    const path = pathOf(file);
    const content: ContentPart[] =
      path === undefined ? [] : [{ type: 'text', text: `[${file.name} is at /mnt/data/${path}]` }];
    const isImage = part.type === 'image';
    if (isImage || path === undefined)
      content.push(await shownFile(attachments, principal, file, isImage ? 'image' : 'text'));
    read.set(part, content);
  }
  return read;
}

/** A file as the model sees or reads it. @throws Refusal file_unusable */
export async function shownFile(
  attachments: Attachments,
  principal: Principal,
  file: Attachment,
  as: 'image' | 'text',
): Promise<ContentPart> {
  if (file.size > (as === 'image' ? maxImageBytes : maxTextBytes))
    throw new Refusal('file_unusable', `'${file.name}' is too large to be shown to the model.`);
  const bytes = await buffer(await attachments.open(principal, file));
  return as === 'image' ? image(file, bytes) : textFile(file, bytes);
}

/** A part that brings no file. */
export function plainPart(part: Part): readonly ContentPart[] {
  if (part.type === 'image') return part.url ? [{ type: 'image_url', url: part.url }] : [];
  return part.type === 'file' ? [] : [{ type: 'text', text: part.text }];
}

function image({ contentType, name }: Attachment, bytes: Buffer): ContentPart {
  const type = contentType.startsWith('image/') ? contentType : mime.getType(name);
  if (!type?.startsWith('image/')) throw new Refusal('file_unusable', `'${name}' is not an image.`);
  return { type: 'image', mime: type, data: bytes.toString('base64') };
}

function textFile({ name }: Attachment, bytes: Buffer): ContentPart {
  try {
    return { type: 'text', text: `[${name}]\n${new TextDecoder('utf-8', { fatal: true }).decode(bytes)}` };
  } catch {
    const message = `'${name}' is not text: only code can read it. Add a tool that runs code.`;
    throw new Refusal('file_unusable', message);
  }
}
