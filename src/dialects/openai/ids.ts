import { type Item, placeOf } from '../../assistant/index.ts';
import { isId, newId } from '../../core/index.ts';

/** What this dialect puts before our ids, and what each of them names. */
const prefixes = {
  response: 'resp_',
  message: 'msg_',
  codeCall: 'ci_',
  reasoning: 'rs_',
  /** An item. The call it makes has an id of its own, which the client answers by. */
  functionCall: 'fc_',
  functionOutput: 'fco_',
  call: 'call_',
  /** A session. */
  container: 'cntr_',
  /** A file of a session. */
  containerFile: 'cfile_',
  /** A file of `/v1/files`. */
  file: 'file-',
  completion: 'chatcmpl-',
  assistant: 'asst_',
  conversation: 'conv_',
  compaction: 'cmp_',
} as const;

export type IdKind = keyof typeof prefixes;

const itemKinds: Record<Item['type'], IdKind> = {
  message: 'message',
  reasoning: 'reasoning',
  function_call: 'functionCall',
  function_result: 'functionOutput',
  code: 'codeCall',
  compaction: 'compaction',
};

/** The id a client sees of one of our ids. */
export function wireId(kind: IdKind, id: string): string {
  return prefixes[kind] + id;
}

/** A new id for the wire alone. */
export function newWireId(kind: IdKind): string {
  return wireId(kind, newId());
}

/** Our id in an id a client sent; undefined when it is not one of this kind. */
export function ownId(kind: IdKind, id: unknown): string | undefined {
  const prefix = prefixes[kind];
  if (typeof id !== 'string' || !id.startsWith(prefix)) return undefined;
  const rest = id.slice(prefix.length);
  if (isId(rest)) return rest;
  return kind === 'container' ? ownId(kind, wrappedContainer(rest)) : undefined;
}

/** Our id in an id a client sent. An id that cannot be ours is passed on as it is: nothing is found under it. */
export function toOwn(kind: IdKind, id: string): string {
  // A bare id of ours lacks its prefix here. The blank keeps it from being found.
  return ownId(kind, id) ?? (isId(id) ? ` ${id}` : id);
}

/** The reverse of `toOwn`. */
export function toWire(kind: IdKind, id: string): string {
  const told = id.trim();
  return isId(id) ? wireId(kind, id) : told;
}

/** Our id of an item; a foreign one as it is. */
export function ownItemId(id: string): string {
  const [, rest = ''] = /^(?:msg|rs|fc|fco|ci|cmp)_(.+)$/.exec(id) ?? [];
  return placeOf(rest) ? rest : id;
}

export function wireItemId({ type, id }: Pick<Item, 'type' | 'id'>): string {
  return isId(id) || placeOf(id) ? wireId(itemKinds[type], id) : id;
}

/** Integer seconds, as all times of this dialect are. */
export function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}

/** LiteLLM's proxy wraps container ids and unwraps them everywhere but in `tools`: base64 of `litellm:…;container_id:cntr_…`. */
function wrappedContainer(rest: string): string | undefined {
  if (rest.length > 1024 || !/^[\w+/-]+={0,2}$/.test(rest)) return undefined;
  const [, id] = /^litellm:.*\bcontainer_id:(cntr_[\w-]+)/s.exec(Buffer.from(rest, 'base64').toString('latin1')) ?? [];
  return id;
}
