import { isId, newId } from '../../core/index.ts';

const prefixes = {
  message: 'msg_',
  serverTool: 'srvtoolu_',
  tool: 'toolu_',
  container: 'container_',
  file: 'file_',
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

/** Our id in an id a client sent; undefined when it is not one of this kind. */
export function ownId(kind: IdKind, id: string): string | undefined {
  const prefix = prefixes[kind];
  const rest = id.startsWith(prefix) ? id.slice(prefix.length) : '';
  return isId(rest) ? rest : undefined;
}

/** Our id in an id a client sent. An id that cannot be ours is passed on as it is: nothing is found under it. */
export function toOwn(kind: IdKind, id: string): string {
  // A bare id of ours lacks its prefix here. The blank keeps it from being found.
  return ownId(kind, id) ?? (isId(id) ? ` ${id}` : id);
}

/** The id as the client sent it, of what `toOwn` made of it. */
export function asSent(kind: IdKind, id: string): string {
  return id.startsWith(' ') ? id.slice(1) : isId(id) ? wireId(kind, id) : id;
}

/** Times of this API are RFC 3339 in UTC. */
export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
