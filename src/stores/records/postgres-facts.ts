import { connectionSettings, loadDriver } from './postgres.ts';

/** How a PostgreSQL server is set, as far as this service depends on it. */
export interface PostgresFacts {
  /** As `15.4`. */
  readonly version: string;
  readonly versionNumber: number;
  readonly encoding: string;
  readonly fsync: boolean;
  readonly synchronousCommit: string;
  readonly isolation: string;
  readonly isReplica: boolean;
  /** Connections of ordinary users. */
  readonly maxConnections: number;
  /** Its clock minus that of this machine, in milliseconds; exact to half of `roundTripMs`. */
  readonly skewMs: number;
  readonly roundTripMs: number;
}

const deadlineMs = 5_000;

/** Asks a PostgreSQL server how it is set. @throws Error when it does not answer in time */
export async function examinePostgres(url: string): Promise<PostgresFacts> {
  const driver = await loadDriver();
  const client = new driver.Client({ ...connectionSettings(driver, url), statement_timeout: deadlineMs });
  client.on('error', () => {});
  await client.connect();
  try {
    // The first statement also pays for what is made at the first use.
    await client.query('select 1');
    const before = Date.now();
    const clock = await client.query('select (extract(epoch from clock_timestamp()) * 1000)::float8 as at');
    const after = Date.now();
    const { rows } = await client.query(
      `select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
        current_setting('server_encoding') as encoding, current_setting('fsync') = 'on' as fsync,
        current_setting('synchronous_commit') as commit, current_setting('default_transaction_isolation') as isolation,
        pg_is_in_recovery() as replica,
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as connections`,
    );
    const [row] = rows;
    return {
      version: row.version,
      versionNumber: row.number,
      encoding: row.encoding,
      fsync: row.fsync,
      synchronousCommit: row.commit,
      isolation: row.isolation,
      isReplica: row.replica,
      maxConnections: row.connections,
      skewMs: clock.rows[0].at - (before + after) / 2,
      roundTripMs: after - before,
    };
  } finally {
    await client.end();
  }
}
