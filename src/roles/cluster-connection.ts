import { Connection, inboxOf } from '../cluster/index.ts';
import type { Config } from '../config/index.ts';
import type { Common } from './common.ts';

/** How long the NATS server is waited for at the start: services start in any order. */
const firstMs = 30_000;

/**
 * Connects a gateway, or the worker with this seat, to the NATS server of the configuration.
 * @throws Error saying what to do when the server is not there or refuses
 */
export async function connectCluster(
  { cluster }: Config,
  seat: string | undefined,
  { logger, lifetime }: Common,
): Promise<Connection> {
  const { natsUrl, natsSeed: seed, natsCa: caFile } = cluster;
  const name = seat === undefined ? 'gateway of Dragoman' : `worker ${seat} of Dragoman`;
  const connection = await Connection.open({ ...natsUrl!, seed, caFile, name, inbox: inboxOf(seat), firstMs, logger });
  lifetime.add(() => connection.close());
  return connection;
}
