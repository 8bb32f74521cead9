import type { Owner } from './types.ts';

/** The name of a key, or the id of a user who came with a token. */
export const ownerName = ({ name, id }: Owner) => name ?? id.replace(/^(key|jwt):/, '');

export function OwnerCell({ owner }: { owner: Owner }) {
  return <span title={owner.id}>{ownerName(owner)}</span>;
}

/** An id, short in a table and whole under the pointer and when it is copied. */
export function IdCell({ id }: { id: string }) {
  return (
    <code class="id" title={id}>
      {id}
    </code>
  );
}
