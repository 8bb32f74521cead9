import { createSqliteRecords, type Records } from '../../src/stores/index.ts';

/** Records in memory, being started: what is asked of them waits for it. */
export function memoryRecords(): Records {
  const records = createSqliteRecords({ path: ':memory:' });
  void records.start();
  return records;
}
