import { DragomanError, type FileClaim, type FileScope } from '../../core/index.ts';

/** What a query, a form or a file reference says of whose file it means. */
export interface ScopeClaim {
  readonly kind?: string | null | undefined;
  readonly id?: string | null | undefined;
  readonly version?: string | number | null | undefined;
  /** The oldest clients' word for an agent. */
  readonly entityId?: string | null | undefined;
}

/** An agent's or a skill's id. */
export const resourceId = /^[A-Za-z0-9_.:-]{1,128}$/;

/**
 * The scope of an upload: with nothing said, the caller's own.
 * @throws DragomanError invalid_request
 */
export function fileScope(said: ScopeClaim): FileScope {
  const claim = fileClaim(said);
  return claim.kind === 'unclaimed' ? { kind: 'user' } : claim;
}

/**
 * Reads what a request says of whose file it means. For `user` the id says nothing.
 * @throws DragomanError invalid_request
 */
export function fileClaim(claim: ScopeClaim): FileClaim {
  const { kind, version } = claim;
  const versioned = version !== undefined && version !== null && version !== '';
  if (versioned && kind !== 'skill') refuse('version is for skills only');
  if (kind === undefined || kind === null || kind === '') {
    return claim.entityId ? { kind: 'agent', id: checkedId(claim.entityId, 'entity_id') } : { kind: 'unclaimed' };
  }
  if (kind === 'user') return { kind };
  if (kind === 'agent') return { kind, id: checkedId(claim.id, 'resource id') };
  if (kind !== 'skill') return refuse('kind must be user, agent or skill');
  const number = typeof version === 'string' && version.trim() === '' ? Number.NaN : Number(version ?? Number.NaN);
  if (!Number.isFinite(number)) refuse('a skill needs a version, a number');
  return { kind, id: checkedId(claim.id, 'resource id'), version: number };
}

function checkedId(id: string | null | undefined, name: string): string {
  if (typeof id === 'string' && resourceId.test(id)) return id;
  return refuse(`${name} must be 1 to 128 characters of A-Z, a-z, 0-9, "_", ".", ":" and "-"`);
}

function refuse(message: string): never {
  throw new DragomanError('invalid_request', { message });
}
