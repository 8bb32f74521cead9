import type { Insertable, Selectable } from 'kysely';
import type { FileScope, FileSet, StoredFile } from '../../core/index.ts';
import type { KeyRecord } from './key-records.ts';
import type { Schema } from './schema.ts';

export type SetRow = Selectable<Schema['file_sets']>;
export type FileRow = Selectable<Schema['files']>;
export type KeyRow = Selectable<Schema['api_keys']>;

export function setRow(set: FileSet): Insertable<Schema['file_sets']> {
  const { scope } = set;
  return {
    id: set.id,
    tenant: set.tenant,
    principal_id: set.principalId,
    scope_kind: scope.kind,
    scope_id: scope.kind === 'user' ? null : scope.id,
    scope_version: scope.kind === 'skill' ? scope.version : null,
    created_at: set.createdAt,
    expires_at: set.expiresAt,
  };
}

export function setOf(row: SetRow): FileSet {
  return {
    id: row.id,
    tenant: row.tenant,
    principalId: row.principal_id,
    scope: scopeOf(row),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

function scopeOf({ scope_kind: kind, scope_id: id, scope_version: version }: SetRow): FileScope {
  if (kind === 'user') return { kind };
  if (kind === 'agent' && id !== null) return { kind, id };
  if (kind === 'skill' && id !== null && version !== null) return { kind, id, version };
  throw new Error(`a file set has the impossible scope "${kind}"`);
}

export function fileRow(file: StoredFile): Insertable<Schema['files']> {
  return {
    set_id: file.sessionId,
    id: file.id,
    name: file.name,
    size: file.size,
    digest: file.digest,
    content_type: file.contentType,
    read_only: file.readOnly ? 1 : 0,
    mode: file.mode ?? null,
    source: file.source,
    created_at: file.createdAt,
    superseded: null,
  };
}

export function fileOf(row: FileRow): StoredFile {
  return {
    id: row.id,
    sessionId: row.set_id,
    name: row.name,
    size: row.size,
    digest: row.digest,
    contentType: row.content_type,
    readOnly: row.read_only === 1,
    ...(row.mode === null ? {} : { mode: row.mode }),
    source: row.source,
    createdAt: row.created_at,
  };
}

export function keyRow(key: KeyRecord): KeyRow {
  return {
    id: key.id,
    name: key.name,
    hash: key.hash,
    plan: key.plan,
    is_admin: key.isAdmin ? 1 : 0,
    created_at: key.createdAt,
    revoked_at: key.revokedAt,
  };
}

export function keyOf(row: KeyRow): KeyRecord {
  return {
    id: row.id,
    name: row.name,
    hash: row.hash,
    plan: row.plan,
    isAdmin: row.is_admin === 1,
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
  };
}
