import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import mime from 'mime';
import { DragomanError, type FileRef, type Principal } from '../../core/index.ts';
import { type Files, notesOn, type Previews } from '../../service/index.ts';
import { type Item, type Part, partsOf } from '../items.ts';
import { Refusal } from '../refusal.ts';
import { readBase64, readDataUrl } from './base64.ts';
import { workspaceName } from './names.ts';
import { refOf, type UserFiles } from './user-files.ts';

/** A file that a request brings along, for its code and for the model. */
export interface Attachment {
  readonly name: string;
  readonly contentType: string;
  /** sha256 in hexadecimal. */
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
  readonly source: { readonly ref: FileRef } | { readonly bytes: Buffer };
}

/** An uploaded file that a request names. */
export interface NamedFile {
  /** Of the user file. */
  readonly id: string;
  /** Where the client named it, for a refusal. */
  readonly where: string;
  /** An earlier answer has used it: it may be gone, and the conversation goes on without it. */
  readonly past?: boolean | undefined;
}

/** The files of a conversation: those that are named apart, and those in its parts. */
export interface ConversationFiles {
  readonly all: readonly Attachment[];
  readonly byPart: ReadonlyMap<Part, Attachment>;
  /** Parts of earlier turns whose file is gone. */
  readonly gone: ReadonlySet<Part>;
}

/** Most files of one request, its history included. */
const maxFiles = 256;

/** Reads the files that requests bring along. */
export class Attachments {
  readonly #files: UserFiles;
  readonly #store: Pick<Files, 'open'>;
  readonly #previews: Pick<Previews, 'summary'> | undefined;

  /** @param previews absent: nothing is told of files but their names */
  constructor(files: UserFiles, store: Pick<Files, 'open'>, previews?: Pick<Previews, 'summary'>) {
    this.#previews = previews;
    this.#files = files;
    this.#store = store;
  }

  /**
   * Finds every file of a conversation.
   * @param past how many of the items were answered already
   * @throws Refusal file_not_found, file_unusable
   */
  async ofConversation(
    principal: Principal,
    items: readonly Item[],
    past: number,
    named: readonly NamedFile[],
  ): Promise<ConversationFiles> {
    const all = new Map<string, Attachment>();
    const byPart = new Map<Part, Attachment>();
    const gone = new Set<Part>();
    const add = (file: Attachment) => {
      const key = `${file.digest} ${file.name}`;
      const known = all.get(key) ?? file;
      all.set(key, known);
      if (all.size > maxFiles) throw new Refusal('file_unusable', `A request can have at most ${maxFiles} files.`);
      return known;
    };
    for (const file of await this.named(principal, named)) add(file);
    for (const [at, item] of items.entries())
      for (const part of partsOf(item)) {
        try {
          const file = await this.#ofPart(principal, part);
          if (file) byPart.set(part, add(file));
        } catch (error) {
          if (at >= past || !isGone(error)) throw error;
          gone.add(part);
        }
      }
    return { all: [...all.values()], byPart, gone };
  }

  /** What a model can be told of stored files in a moment, by path. Never rejects. */
  async notesOn(principal: Principal, files: Parameters<typeof notesOn>[2]): Promise<ReadonlyMap<string, string>> {
    return this.#previews ? notesOn(this.#previews, principal, files) : new Map();
  }

  /** @throws Refusal file_not_found for one that is gone and not past */
  async named(principal: Principal, files: readonly NamedFile[]): Promise<Attachment[]> {
    const found: Attachment[] = [];
    for (const { id, where, past } of files) {
      try {
        found.push(await this.#uploaded(principal, id, where));
      } catch (error) {
        if (!past || !isGone(error)) throw error;
      }
    }
    return found;
  }

  /** Its bytes. @throws DragomanError not_found */
  async open(principal: Principal, { source }: Attachment): Promise<Readable> {
    if ('bytes' in source) return Readable.from([source.bytes]);
    return (await this.#store.open(principal, source.ref)).content;
  }

  async #ofPart(principal: Principal, part: Part): Promise<Attachment | undefined> {
    if (part.type !== 'image' && part.type !== 'file') return undefined;
    if (part.fileId !== undefined) return this.#uploaded(principal, part.fileId, undefined);
    if (part.type === 'file') return inlineFile(part.data ?? '', part.name, 'file');
    return part.url?.startsWith('data:') ? inlineFile(part.url, undefined, 'image') : undefined;
  }

  async #uploaded(principal: Principal, id: string, where: string | undefined): Promise<Attachment> {
    const file = await this.#files.find(principal, id, where);
    const { size, digest, contentType } = await this.#files.stored(principal, file);
    return { name: workspaceName(file.name), contentType, digest, size, source: { ref: refOf(file) } };
  }
}

/**
 * A file whose bytes are in the request.
 * @param data base64, or a data URL
 * @param stem names a file without a name
 * @throws Refusal file_unusable
 */
export function inlineFile(data: string, name: string | undefined, stem: string): Attachment {
  const url = readDataUrl(data);
  const bytes = data.startsWith('data:') && !url ? undefined : readBase64(url?.base64 ?? data);
  if (!bytes) throw new Refusal('file_unusable', 'File data must be base64, or a data URL of it.');
  const contentType = url?.mime ?? (name && mime.getType(name)) ?? 'application/octet-stream';
  return {
    name: workspaceName(name ?? `${stem}.${mime.getExtension(contentType) ?? 'bin'}`),
    contentType,
    digest: createHash('sha256').update(bytes).digest('hex'),
    size: bytes.length,
    source: { bytes },
  };
}

function isGone(error: unknown): boolean {
  return error instanceof DragomanError && (error.code === 'not_found' || error.code === 'file_refused');
}
