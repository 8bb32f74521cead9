/** A conversation as plain data. Every dialect translates its own messages and items to these and back. */

export type Role = 'user' | 'assistant' | 'system' | 'developer';

/** A file of a session that a text refers to. */
export interface Citation {
  readonly sessionId: string;
  readonly fileId: string;
  /** Last segment of its path. */
  readonly name: string;
  /** Span of the link in the text, in UTF-16 units; 0 and 0 for a file that no link names. */
  readonly start: number;
  readonly end: number;
}

interface Echoed {
  /** Fields of the client's that mean nothing here. A dialect gets them back when it lists the part. */
  readonly echo?: Readonly<Record<string, unknown>> | undefined;
}

/** A piece of a message or of a function's result. */
export type Part =
  | ({ readonly type: 'text'; readonly text: string; readonly citations?: readonly Citation[] | undefined } & Echoed)
  | ({ readonly type: 'refusal'; readonly text: string } & Echoed)
  /** `url` is an http address, which is never fetched here, or a data URL. */
  | ({ readonly type: 'image'; readonly url?: string | undefined; readonly fileId?: string | undefined } & Echoed)
  /** `data` is base64, or a data URL. */
  | ({
      readonly type: 'file';
      readonly fileId?: string | undefined;
      readonly name?: string | undefined;
      readonly data?: string | undefined;
    } & Echoed);

/** What code printed, and images it showed (base64). */
export type CodeOutput =
  | { readonly type: 'logs'; readonly text: string }
  | { readonly type: 'image'; readonly mime: string; readonly data: string };

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

export interface MessageItem {
  readonly id: string;
  readonly type: 'message';
  readonly role: Role;
  readonly status: ItemStatus;
  readonly parts: readonly Part[];
}

export interface ReasoningItem {
  readonly id: string;
  readonly type: 'reasoning';
  readonly summary: readonly string[];
}

/** Code of the model that ran here. `waiting`: it waits for functions of the client's. */
export interface CodeItem {
  readonly id: string;
  readonly type: 'code';
  readonly status: ItemStatus | 'waiting';
  readonly code: string;
  /** Where it ran; undefined for code of a client that does not say. */
  readonly sessionId: string | undefined;
  readonly outputs: readonly CodeOutput[];
}

export interface FunctionCallItem {
  readonly id: string;
  readonly type: 'function_call';
  readonly status: ItemStatus;
  readonly callId: string;
  readonly name: string;
  /** JSON as the model wrote it. */
  readonly arguments: string;
  /** Present when code called the function: the id of its item, empty when the client left it out. */
  readonly fromCode?: string | undefined;
}

interface FunctionResultItem {
  readonly id: string;
  readonly type: 'function_result';
  readonly callId: string;
  readonly output: string | readonly Part[];
}

/** Stands for a conversation that was compacted. `content` is sealed by `packCompaction`. */
interface CompactionItem {
  readonly id: string;
  readonly type: 'compaction';
  readonly content: string;
}

export type Item = MessageItem | ReasoningItem | CodeItem | FunctionCallItem | FunctionResultItem | CompactionItem;

/** What a response can produce. */
export type OutputItem = MessageItem | ReasoningItem | CodeItem | FunctionCallItem;

type WithoutId<T> = T extends Item ? Omit<T, 'id'> & { readonly id?: string | undefined } : never;

/** An item of a request: with the id the client gave it, if any, or a reference to an item that is stored. */
export type NewItem =
  | WithoutId<Item>
  /** `name` is the id as the client wrote it, for a refusal. */
  | { readonly type: 'reference'; readonly id: string; readonly name: string };

/** Without the images of code: they stay with the response that made them. */
export function withoutImages(item: Item): Item {
  if (item.type !== 'code') return item;
  return { ...item, outputs: item.outputs.filter(({ type }) => type === 'logs') };
}

/** Whether the model produced an item, or the client did. */
export function isOfModel(item: Item): boolean {
  return item.type === 'message' ? item.role === 'assistant' : item.type !== 'function_result';
}

/** The parts of an item that may hold files. */
export function partsOf(item: Item): readonly Part[] {
  if (item.type === 'message') return item.parts;
  return item.type === 'function_result' && typeof item.output !== 'string' ? item.output : [];
}
