import { createHash, randomBytes } from 'node:crypto';
import type { Config } from '../../config/index.ts';
import { newId } from '../../core/index.ts';
import { openBytes } from '../../roles/index.ts';
import { examinePostgres, type SignedRequest } from '../../stores/index.ts';
import { attempt, type Check, checkOf, clockCheck } from './check.ts';

/** Connections that gateways need: ten for each, and a few for people. */
const fewConnections = 30;
const requestMs = 10_000;
const lifeMs = 60_000;

/** The database that gateways share. */
export function examineDatabase({ stores: { databaseUrl } }: Config): Promise<readonly Check[]> {
  return attempt('PostgreSQL', async () => {
    if (databaseUrl === undefined)
      throw new Error('DRAGOMAN_DATABASE_URL is not set: several gateways need one database in PostgreSQL.');
    const facts = await examinePostgres(databaseUrl);
    const { isolation, maxConnections, synchronousCommit } = facts;
    return [
      checkOf('PostgreSQL', `${facts.version}, ${maxConnections} connections`, [
        facts.versionNumber < 130_000 && '13 or later is needed',
        facts.isReplica && 'this is a replica, which cannot be written: name the primary server',
        maxConnections < fewConnections &&
          `set max_connections to ${fewConnections} or more: each gateway uses up to ten`,
      ]),
      checkOf('its settings', `${facts.encoding}, ${isolation}, fsync ${facts.fsync ? 'on' : 'off'}`, [
        facts.encoding !== 'UTF8' && 'make a database with the encoding UTF8',
        !facts.fsync && 'set fsync to on: a crash of its machine may destroy the database',
        synchronousCommit === 'off' && 'set synchronous_commit to on: what a client was told is stored could be lost',
        isolation !== 'read committed' && 'set default_transaction_isolation to read committed',
      ]),
      clockCheck('clock of database', facts.skewMs, facts.roundTripMs / 2),
    ];
  });
}

/** The store of bytes that gateways share, by writing, reading and removing some. */
export function examineFiles(config: Config): Promise<readonly Check[]> {
  return attempt('files', async () => {
    const { filesPlace } = config.stores;
    if (!filesPlace)
      return [{ name: 'files', state: 'absent', detail: 'in the data directory: only one gateway can use it' }];
    const bytes = openBytes(config);
    const { direct } = bytes;
    await bytes.start();
    const content = randomBytes(64);
    const digest = createHash('sha256').update(content).digest('hex');
    const granted = { digest, size: content.length, hold: newId() };
    const other = randomBytes(64);
    const name = 'bucket' in filesPlace ? `bucket ${filesPlace.bucket}` : `files role ${filesPlace.url}`;
    try {
      if (!direct) return [{ name, state: 'missing', detail: 'workers cannot use it' }];
      const forged = await send(await direct.signPut(granted, lifeMs), other);
      const first = await send(await direct.signPut(granted, lifeMs), content);
      const again = await send(await direct.signPut(granted, lifeMs), content);
      const read = await send(await direct.signGet(digest, lifeMs));
      const unsigned = await direct.signGet(digest, lifeMs);
      const stranger = await send({ url: unsigned.url.split('?')[0]!, headers: {} });
      const isWhole = read.status === 200 && content.equals(read.body);
      return [
        checkOf(name, 'signed requests', [
          first.status >= 300 && `storing was answered with ${first.status}`,
          !isWhole && `reading was answered with ${read.status}`,
          stranger.status < 400 && 'it can be read without credentials: make the bucket private',
        ]),
        checkOf('its checksums', `other bytes answered with ${forged.status}`, [
          forged.status < 400 && 'the server does not check x-amz-checksum-sha256, so a worker could store other bytes',
        ]),
        checkOf('conditional writes', `a second time answered with ${again.status}`, [
          again.status !== 412 && 'the server does not know If-None-Match on PUT, so bytes could be replaced',
        ]),
        ...clockOf(read),
      ];
    } finally {
      await bytes.delete([digest]).catch(() => {});
      await bytes.close();
    }
  });
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly at: number | undefined;
}

async function send({ url, headers }: SignedRequest, content?: Buffer): Promise<Answer> {
  const signal = AbortSignal.timeout(requestMs);
  const answer = await fetch(url, {
    signal,
    headers,
    ...(content ? { method: 'PUT', body: new Uint8Array(content) } : {}),
  });
  const date = Date.parse(answer.headers.get('date') ?? '');
  return {
    status: answer.status,
    body: Buffer.from(await answer.arrayBuffer()),
    at: Number.isNaN(date) ? undefined : date,
  };
}

/** The header has whole seconds. */
function clockOf({ at }: Answer): Check[] {
  return at === undefined ? [] : [clockCheck('clock of bucket', at + 500 - Date.now(), 500)];
}
