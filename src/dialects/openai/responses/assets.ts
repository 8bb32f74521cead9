import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import mime from 'mime';
import type { ContentPart } from '../../../agent/index.ts';
import { DragomanError, type FileRef, type Principal, pathFault } from '../../../core/index.ts';
import type { DialectContext } from '../../../http/index.ts';
import { readBase64, readDataUrl } from '../data-url.ts';
import { invalid } from '../errors.ts';
import { findFile, refOf } from '../files/records.ts';
import { freeName, lastSegment } from '../uploads.ts';
import type { HistoryItem, InputPart } from './items.ts';

/** A file a request brings along, for the container and for the model. */
export interface Asset {
  /** As the client has it, or made up. */
  readonly name: string;
  readonly contentType: string;
  /** sha256 in hexadecimal. */
  readonly digest: string;
  readonly size: number;
  readonly source: { readonly ref: FileRef } | { readonly bytes: Buffer };
}

/** The files of a conversation: those of the tool, and those in its parts. */
export interface Assets {
  readonly all: readonly Asset[];
  readonly byPart: ReadonlyMap<InputPart, Asset>;
  /** Parts of what was said before whose file is there no more: the conversation goes on without. */
  readonly gone: ReadonlySet<InputPart>;
}

/** Most files of one request, its history included. */
const maxAssets = 256;
/** What is shown to the model of files it can read as they are, and of images. */
const maxTextBytes = 256 * 1024;
const maxImageBytes = 20 * 1024 * 1024;

/**
 * Finds every file a conversation brings.
 * @param past how many of the items were answered already
 * @throws WireError 404 for a file that is not there; 400 for one that cannot be read
 */
export async function gatherAssets(
  context: DialectContext,
  principal: Principal,
  items: readonly HistoryItem[],
  past: number,
  fileIds: { readonly ids: readonly string[]; readonly param: string },
): Promise<Assets> {
  const all = new Map<string, Asset>();
  const byPart = new Map<InputPart, Asset>();
  const gone = new Set<InputPart>();
  const keep = (asset: Asset) => {
    const key = `${asset.digest} ${asset.name}`;
    const kept = all.get(key) ?? asset;
    all.set(key, kept);
    if (all.size > maxAssets) throw invalid(`At most ${maxAssets} files can be brought along.`, 'input');
    return kept;
  };
  for (const [at, id] of fileIds.ids.entries())
    keep(await storedAsset(context, principal, id, `${fileIds.param}[${at}]`));
  for (const [at, item] of items.entries())
    for (const part of partsOf(item)) {
      try {
        const asset = await assetOf(context, principal, part);
        if (asset) byPart.set(part, keep(asset));
      } catch (error) {
        if (at >= past || !isGone(error)) throw error;
        gone.add(part);
      }
    }
  return { all: [...all.values()], byPart, gone };
}

function isGone(error: unknown): boolean {
  return error instanceof DragomanError && (error.code === 'not_found' || error.code === 'file_refused');
}

function partsOf(item: HistoryItem): InputPart[] {
  if (item.type === 'message') return item.content as InputPart[];
  return item.type === 'function_call_output' && typeof item.output !== 'string' ? item.output : [];
}

async function assetOf(context: DialectContext, principal: Principal, part: InputPart): Promise<Asset | undefined> {
  if (part.type === 'input_image') {
    if (part.file_id) return storedAsset(context, principal, part.file_id, 'input');
    if (!part.image_url) throw invalid("An input_image needs 'image_url' or 'file_id'.", 'input');
    return part.image_url.startsWith('data:') ? inlineAsset(part.image_url, undefined, 'image') : undefined;
  }
  if (part.type !== 'input_file') return undefined;
  if (part.file_url) throw invalid("Nothing is fetched from here: send 'file_data', or 'file_id'.", 'input');
  if (part.file_id) return storedAsset(context, principal, part.file_id, 'input');
  if (!part.file_data) throw invalid("An input_file needs 'file_id' or 'file_data'.", 'input');
  return inlineAsset(part.file_data, part.filename ?? undefined, 'file');
}

async function storedAsset(context: DialectContext, principal: Principal, id: string, param: string): Promise<Asset> {
  const record = await findFile(context, principal, id, param);
  const ref = refOf(record);
  const { size, digest, contentType } = await context.interpreter.file(principal, ref);
  return { name: safeName(record.filename), contentType, digest, size, source: { ref } };
}

function inlineAsset(data: string, filename: string | undefined, fallback: string): Asset {
  const url = readDataUrl(data);
  const bytes = data.startsWith('data:') && !url ? undefined : readBase64(url?.base64 ?? data);
  if (!bytes) throw invalid('File data must be base64, or a data URL of it.', 'input');
  const contentType = url?.mime ?? (filename && mime.getType(filename)) ?? 'application/octet-stream';
  return {
    name: safeName(filename ?? `${fallback}.${mime.getExtension(contentType) ?? 'bin'}`),
    contentType,
    digest: createHash('sha256').update(bytes).digest('hex'),
    size: bytes.length,
    source: { bytes },
  };
}

function safeName(name: string): string {
  const last = lastSegment(name);
  return pathFault(last) === undefined ? last : 'file';
}

/** The asset's bytes, as a stream. */
export async function openAsset(context: DialectContext, principal: Principal, asset: Asset): Promise<Readable> {
  if ('bytes' in asset.source) return Readable.from([asset.source.bytes]);
  return (await context.interpreter.openFile(principal, asset.source.ref)).content;
}

/** Where in the workspace each asset belongs: under its own name, or with a prefix where that is taken by another. */
export function placeAssets(
  assets: readonly Asset[],
  existing: ReadonlyMap<string, string>,
): { readonly asset: Asset; readonly path: string }[] {
  const taken = new Map(existing);
  return assets.map((asset) => {
    const path = freeName(asset.name, (name) => taken.has(name) && taken.get(name) !== asset.digest);
    taken.set(path, asset.digest);
    return { asset, path };
  });
}

/**
 * How the model reads each part that brings a file: an image as such, a text as such where there is no code to read it with, and
 * with code the path.
 * @throws WireError 400 for what neither can
 */
export async function readAssets(
  context: DialectContext,
  principal: Principal,
  { byPart, gone }: Assets,
  pathOf: (asset: Asset) => string | undefined,
): Promise<ReadonlyMap<InputPart, readonly ContentPart[]>> {
  const read = new Map<InputPart, readonly ContentPart[]>();
  for (const part of gone) read.set(part, [{ type: 'text', text: '[The file attached here is no longer available.]' }]);
  for (const [part, asset] of byPart) {
    const path = pathOf(asset);
    const content: ContentPart[] =
      path === undefined ? [] : [{ type: 'text', text: `[${asset.name} is at /mnt/data/${path}]` }];
    const isImage = part.type === 'input_image';
    if (isImage || path === undefined) {
      if (asset.size > (isImage ? maxImageBytes : maxTextBytes))
        throw invalid(`'${asset.name}' is too large to be shown to the model.`, 'input');
      const bytes = await buffer(await openAsset(context, principal, asset));
      content.push(isImage ? image(asset, bytes) : textFile(asset, bytes));
    }
    read.set(part, content);
  }
  return read;
}

function image({ contentType, name }: Asset, bytes: Buffer): ContentPart {
  const type = contentType.startsWith('image/') ? contentType : mime.getType(name);
  if (!type?.startsWith('image/')) throw invalid(`'${name}' is no image.`, 'input');
  return { type: 'image', mime: type, data: bytes.toString('base64') };
}

function textFile({ name }: Asset, bytes: Buffer): ContentPart {
  try {
    return { type: 'text', text: `[${name}]\n${new TextDecoder('utf-8', { fatal: true }).decode(bytes)}` };
  } catch {
    throw invalid(`'${name}' is no text: only code can read it. Add a code_interpreter tool.`, 'input');
  }
}
