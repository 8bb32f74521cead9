import { isId, newId, type Principal } from '../core/index.ts';
import type { Document, Page } from '../service/index.ts';
import type { UserFiles } from './files/user-files.ts';
import type { OwnedDocuments } from './owned-documents.ts';
import { Refusal } from './refusal.ts';

/** The kind of these documents. Older databases have it: it stays. */
const kind = 'openai_assistant';
/** Assistants stay until they are deleted: the latest time that a date can hold. */
const never = 8.64e15;

/** A model with instructions, code and files, to be named by its id. Written as older databases have it. */
export interface AssistantSettings {
  readonly name: string | null;
  readonly description: string | null;
  readonly model: string;
  readonly instructions: string | null;
  /** The code interpreter, when it has one. */
  readonly tools: {
    readonly type: 'code_interpreter';
    readonly mode?: 'auto' | 'on' | 'off' | null | undefined;
  }[];
  /** The ids of uploaded files, as their client has them. */
  readonly files: string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly temperature: number | null;
  readonly top_p: number | null;
}

export interface Assistant {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly settings: AssistantSettings;
}

/** The assistants of principals. */
export class Assistants {
  readonly #documents: OwnedDocuments;
  readonly #files: UserFiles;

  constructor(documents: OwnedDocuments, files: UserFiles) {
    this.#documents = documents;
    this.#files = files;
  }

  async create(principal: Principal, settings: AssistantSettings): Promise<Assistant> {
    const assistant = { id: newId(), createdAt: this.#documents.now(), settings };
    await this.#put(principal, assistant);
    return assistant;
  }

  /** @throws Refusal assistant_not_found */
  async find(principal: Principal, id: string): Promise<Assistant> {
    const document = isId(id) ? await this.#documents.get(principal, kind, id) : undefined;
    if (!document) throw new Refusal('assistant_not_found', 'The assistant does not exist.', { id });
    return assistantOf(document);
  }

  async list(
    principal: Principal,
    page: Page,
  ): Promise<{ readonly assistants: readonly Assistant[]; readonly more: boolean }> {
    const { documents, more } = await this.#documents.list(principal, kind, page);
    return { assistants: documents.map(assistantOf), more };
  }

  async update(principal: Principal, assistant: Assistant): Promise<void> {
    await this.#put(principal, assistant);
  }

  /** @throws Refusal assistant_not_found */
  async delete(principal: Principal, id: string): Promise<void> {
    await this.find(principal, id);
    await this.#documents.delete(kind, id);
  }

  /** Of these uploaded files those that exist: one that has expired must not end every conversation with an assistant. */
  async existing(principal: Principal, fileIds: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    for (const id of fileIds) if (await this.#files.has(principal, id)) found.push(id);
    return found;
  }

  async #put(principal: Principal, { id, createdAt, settings }: Assistant): Promise<void> {
    await this.#documents.put(principal, { kind, id, createdAt, expiresAt: never, body: settings });
  }
}

function assistantOf({ id, createdAt, body }: Document): Assistant {
  return { id, createdAt, settings: body as AssistantSettings };
}
