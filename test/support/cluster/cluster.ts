import { type Authenticator, nkeyAuthenticator } from '@nats-io/transport-node';
import { newIdentity, serverConfiguration } from '../../../src/cluster/index.ts';
import { newId } from '../../../src/core/index.ts';
import { imageRoot } from '../image.ts';
import type { NatsServer } from '../nats.ts';
import { makeCertificate, startNatsCluster } from '../nats-cluster.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { type S3Server, startS3Server } from '../s3.ts';
import { type ClusterNode, startNode } from './node.ts';

type Env = Readonly<Record<string, string>>;

export interface ClusterOptions {
  readonly gateways: number;
  readonly workers: number;
  /** Servers of NATS, which are one cluster, with TLS; absent: one, without. */
  readonly natsServers?: number;
  /** For every process. */
  readonly env?: Env;
  readonly gatewayEnv?: Env;
  readonly workerEnv?: Env;
}

/** Gateways and workers as processes, over a NATS server, a database and a bucket of their own. */
export interface Cluster {
  /** The first of them. */
  readonly nats: NatsServer;
  readonly natsServers: readonly NatsServer[];
  /** What a gateway may do on the NATS server, for a test that looks there. */
  readonly gatewayLogin: { readonly authenticator: Authenticator };
  readonly postgres: Postgres;
  readonly databaseUrl: string;
  readonly s3: S3Server;
  readonly gateways: readonly ClusterNode[];
  readonly workers: readonly ClusterNode[];
  /** API keys of three principals. */
  readonly keys: readonly [string, string, string];
  /** Starts one more. */
  addGateway(): Promise<ClusterNode>;
  addWorker(): Promise<ClusterNode>;
  /** Ends everything that it has started, by its pid. */
  close(): Promise<void>;
}

/** Each has a key of its own and its own rights on the NATS server. */
const maxWorkers = 40;

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const started: { close(): Promise<unknown> }[] = [];
  const close = async () => {
    await Promise.all([...gateways, ...workers].map((node) => node.kill()));
    await Promise.all(started.map((server) => server.close()));
  };
  const gateways: ClusterNode[] = [];
  const workers: ClusterNode[] = [];
  try {
    const keep = async <T extends { close(): Promise<unknown> }>(starting: Promise<T>) => {
      const server = await starting;
      started.push(server);
      return server;
    };
    const gateway = newIdentity();
    const seats = new Map(Array.from({ length: maxWorkers }, (_, number) => [`worker-${number + 1}`, newIdentity()]));
    const certificate = options.natsServers === undefined ? undefined : makeCertificate();
    if (certificate) started.push({ close: async () => certificate.remove() });
    const configuration = serverConfiguration({
      listen: '127.0.0.1:4222',
      storeDir: '/',
      tls: certificate,
      gateways: gateway.publicKey,
      workers: new Map([...seats].map(([seat, { publicKey }]) => [seat, publicKey])),
    });
    const [nats, postgres, s3] = await Promise.all([
      keep(startNatsCluster(configuration, options.natsServers ?? 1, certificate !== undefined)),
      keep(startPostgres()),
      keep(startS3Server()),
    ]);
    const { bucket, prefix, endpoint } = await s3.newBucket();
    const databaseUrl = await postgres.newSchema();
    const keys = [newId(), newId(), newId()] as const;
    const shared: Env = {
      DRAGOMAN_IMAGE: await imageRoot(),
      DRAGOMAN_NATS_URL: nats.url,
      ...(certificate && { DRAGOMAN_NATS_CA: certificate.ca }),
      ...options.env,
    };
    const gatewayEnv: Env = {
      ...shared,
      DRAGOMAN_ROLE: 'gateway',
      DRAGOMAN_NATS_SEED: gateway.seed,
      DRAGOMAN_PORT: '0',
      DRAGOMAN_DATABASE_URL: databaseUrl,
      DRAGOMAN_FILES_URL: `s3://${bucket}/${prefix}?endpoint=${endpoint}`,
      AWS_ACCESS_KEY_ID: process.env.AWS_ACCESS_KEY_ID!,
      AWS_SECRET_ACCESS_KEY: process.env.AWS_SECRET_ACCESS_KEY!,
      DRAGOMAN_API_KEYS: keys.map((key, number) => `p${number}:${key}`).join(','),
      DRAGOMAN_RATE_LIMITS: 'off',
      ...options.gatewayEnv,
    };
    const workerEnv: Env = { ...shared, DRAGOMAN_ROLE: 'worker', DRAGOMAN_DRAIN_MS: '20000', ...options.workerEnv };
    const counts = { gateway: 0, worker: 0 };
    const addGateway = async () => {
      const node = await startNode(`gateway-${++counts.gateway}`, gatewayEnv);
      gateways.push(node);
      return node;
    };
    const addWorker = async () => {
      const seat = `worker-${++counts.worker}`;
      const own = { DRAGOMAN_WORKER_NAME: seat, DRAGOMAN_NATS_SEED: seats.get(seat)!.seed };
      const node = await startNode(seat, { ...workerEnv, ...own });
      workers.push(node);
      return node;
    };
    const times = (number: number, start: () => Promise<ClusterNode>) => Array.from({ length: number }, start);
    // The first gateway makes the tables, and what workers find on the NATS server.
    await addGateway();
    await Promise.all([...times(options.gateways - 1, addGateway), ...times(options.workers, addWorker)]);
    const gatewayLogin = { authenticator: nkeyAuthenticator(new TextEncoder().encode(gateway.seed)) };
    const natsServers = nats.servers;
    return {
      nats: natsServers[0]!,
      natsServers,
      gatewayLogin,
      postgres,
      databaseUrl,
      s3,
      gateways,
      workers,
      keys,
      addGateway,
      addWorker,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
