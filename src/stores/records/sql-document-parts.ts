import type { Transaction } from 'kysely';
import { jsonPieces, newId, turnOf } from '../../core/index.ts';
import type { Schema } from './schema.ts';
import type { SqlDatabase } from './sql-database.ts';

/** Characters of a part, about: the database takes some milliseconds for it. */
const partLength = 1024 * 1024;
/** Parts whose document was never written, because the process was killed, are removed after this long. */
const lostAfterMs = 60 * 60 * 1000;

/** Where a large body is. */
export interface PartSet {
  readonly id: string;
  readonly count: number;
  /** Bytes of all parts. */
  readonly size: number;
}

/** The JSON of large documents in parts, each written and read in a turn of the event loop of its own. */
export class SqlDocumentParts {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  /** Writes the parts of a body before the document that names them. */
  async write(owner: string, body: unknown): Promise<PartSet> {
    const id = newId();
    let count = 0;
    let size = 0;
    try {
      for (const text of joined(jsonPieces(body))) {
        await turnOf(owner);
        const part = { set_id: id, number: count, made_at: Date.now(), text };
        await this.#database.use((db) => db.insertInto('document_parts').values(part).execute());
        count++;
        size += Buffer.byteLength(text);
      }
    } catch (error) {
      await this.remove([id]).catch(() => {});
      throw error;
    }
    return { id, count, size };
  }

  /** The body, or undefined when it is gone. */
  async read(owner: string, { id, count }: Omit<PartSet, 'size'>): Promise<unknown> {
    let text = '';
    for (let number = 0; number < count; number++) {
      await turnOf(owner);
      const part = await this.#database.use((db) =>
        db
          .selectFrom('document_parts')
          .select('text')
          .where('set_id', '=', id)
          .where('number', '=', number)
          .executeTakeFirst(),
      );
      if (!part) return undefined;
      text += part.text;
    }
    await turnOf(owner);
    return JSON.parse(text);
  }

  remove(ids: readonly string[]): Promise<void> {
    return this.#database.transact((transaction) => removeParts(transaction, ids));
  }

  /** Removes parts of documents that were never written. */
  async removeLost(): Promise<void> {
    await this.#database.use((db) =>
      db
        .deleteFrom('document_parts')
        .where('made_at', '<', Date.now() - lostAfterMs)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('documents').select('serial').whereRef('documents.part_set', '=', 'document_parts.set_id'),
            ),
          ),
        )
        .execute(),
    );
  }
}

export async function removeParts(transaction: Transaction<Schema>, ids: readonly (string | null)[]): Promise<void> {
  const sets = ids.filter((id) => id !== null);
  if (sets.length > 0) await transaction.deleteFrom('document_parts').where('set_id', 'in', sets).execute();
}

function* joined(pieces: Iterable<string>): Generator<string> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < partLength) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}
