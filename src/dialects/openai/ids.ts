import { isId, newId } from '../../core/index.ts';

/** What this face puts before our ids, and what each of them names. */
const prefixes = {
  response: 'resp_',
  message: 'msg_',
  codeCall: 'ci_',
  reasoning: 'rs_',
  /** An item; the call it makes has another id, which the client answers by. */
  functionCall: 'fc_',
  functionOutput: 'fco_',
  call: 'call_',
  /** A session. */
  container: 'cntr_',
  /** A file of a session, and of no other. */
  containerFile: 'cfile_',
  /** A file of `/v1/files`. */
  file: 'file-',
  completion: 'chatcmpl-',
  assistant: 'asst_',
  conversation: 'conv_',
  compaction: 'cmp_',
} as const;

export type IdKind = keyof typeof prefixes;

/** The id a client sees of one of our ids. */
export function wireId(kind: IdKind, id: string): string {
  return prefixes[kind] + id;
}

/** A new id for the wire alone. */
export function newWireId(kind: IdKind): string {
  return wireId(kind, newId());
}

/** Our id in an id a client sent; undefined when it is none of this kind. */
export function ownId(kind: IdKind, id: unknown): string | undefined {
  const prefix = prefixes[kind];
  if (typeof id !== 'string' || !id.startsWith(prefix)) return undefined;
  const rest = id.slice(prefix.length);
  return isId(rest) ? rest : undefined;
}

/** Integer seconds, as all times on this face are. */
export function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
