import type { Selectable, Transaction } from 'kysely';
import { DragomanError, type FileSet, type StoredFile } from '../../core/index.ts';
import type { FileQuota } from './file-records.ts';
import { setRow } from './rows.ts';
import type { Schema } from './schema.ts';
import type { SqlDatabase } from './sql-database.ts';
import { insertFiles, removeSets, sumOf } from './sql-file-records.ts';
import { addStored } from './sql-owners.ts';
import type { KernelStateRecord, StateRecords } from './state-records.ts';

/** Saved variables in a table of a SQL database. */
export class SqlStateRecords implements StateRecords {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  list(sessionId: string): Promise<KernelStateRecord[]> {
    return this.#database.use(async (db) => {
      const rows = await db
        .selectFrom('kernel_states')
        .selectAll()
        .where('session_id', '=', sessionId)
        .orderBy('kernel')
        .execute();
      return rows.map(stateOf);
    });
  }

  async save(
    session: { readonly id: string; readonly epoch: number },
    state: KernelStateRecord,
    { set, files, quota }: { readonly set: FileSet; readonly files: readonly StoredFile[]; readonly quota: FileQuota },
  ): Promise<void> {
    await this.#database.transact(async (transaction) => {
      const found = await this.#database
        .locked(transaction.selectFrom('sessions').select('epoch').where('id', '=', session.id))
        .executeTakeFirst();
      if (!found) throw new DragomanError('not_found', { message: 'Session not found' });
      if (found.epoch !== session.epoch)
        throw new DragomanError('conflict', { message: 'The session has moved to another worker.' });
      // The new files first: contents that both have keep a reference.
      await transaction.insertInto('file_sets').values(setRow(set)).execute();
      await insertFiles(transaction, files);
      await removeStates(transaction, session.id, [state.kernel]);
      await addStored(transaction, { tenant: set.tenant, id: set.principalId }, sumOf(files), quota);
      await transaction.insertInto('kernel_states').values(rowOf(session.id, state)).execute();
    });
  }

  async note(
    sessionId: string,
    kernel: string,
    { isBehind, failures }: Partial<Pick<KernelStateRecord, 'isBehind' | 'failures'>>,
  ): Promise<void> {
    const change = {
      ...(isBehind === undefined ? {} : { is_behind: Number(isBehind) }),
      ...(failures === undefined ? {} : { failures }),
    };
    await this.#database.use((db) =>
      db
        .updateTable('kernel_states')
        .set(change)
        .where('session_id', '=', sessionId)
        .where('kernel', '=', kernel)
        .execute(),
    );
  }

  delete(sessionId: string, kernels?: readonly string[]): Promise<number> {
    return this.#database.transact((transaction) => removeStates(transaction, sessionId, kernels));
  }
}

/** Removes saved states with their files. @param kernels absent: all of the session */
export async function removeStates(
  transaction: Transaction<Schema>,
  sessionId: string,
  kernels?: readonly string[],
): Promise<number> {
  let removing = transaction.deleteFrom('kernel_states').where('session_id', '=', sessionId);
  if (kernels) removing = removing.where('kernel', 'in', kernels);
  const removed = await removing.returning('set_id').execute();
  if (removed.length === 0) return 0;
  await removeSets(
    transaction,
    removed.map(({ set_id }) => set_id),
  );
  return removed.length;
}

function stateOf(row: Selectable<Schema['kernel_states']>): KernelStateRecord {
  return {
    kernel: row.kernel,
    setId: row.set_id,
    digest: row.digest,
    size: row.size,
    savedAt: row.saved_at,
    execution: row.execution,
    bytes: row.bytes,
    variables: row.variables,
    isBehind: row.is_behind === 1,
    failures: row.failures,
  };
}

function rowOf(sessionId: string, state: KernelStateRecord): Schema['kernel_states'] {
  return {
    session_id: sessionId,
    kernel: state.kernel,
    set_id: state.setId,
    digest: state.digest,
    size: state.size,
    saved_at: state.savedAt,
    execution: state.execution,
    bytes: state.bytes,
    variables: state.variables,
    is_behind: Number(state.isBehind),
    failures: state.failures,
  };
}
