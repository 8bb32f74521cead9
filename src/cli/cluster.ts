import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type * as Cluster from '../cluster/index.ts';

interface NatsOptions {
  readonly workers: number;
  readonly listen: string;
  readonly url?: string;
  readonly storeDir: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly rotate?: true;
}

/** The commands for what joins several machines. */
export function addClusterCommand(program: Command): void {
  const cluster = new Command('cluster').description('what joins gateways and workers on several machines');
  cluster
    .command('nats-config')
    .description('writes the configuration of a NATS server, and the settings of a gateway and of each worker')
    .argument('<folder>', 'where they are written; keys that are there already are kept')
    .option('--workers <number>', 'workers, each with rights of its own', wholeNumber, 2)
    .option('--listen <host:port>', 'where the server listens', '0.0.0.0:4222')
    .option('--url <url>', 'how gateways and workers reach it (the address it listens at)')
    .option('--store-dir <path>', 'where the server keeps its streams', '/data/jetstream')
    .option('--tls-cert <path>', 'certificate of the server')
    .option('--tls-key <path>', 'its key')
    .option('--rotate', 'make new keys for all')
    .action(async (folder: string, options: NatsOptions) => {
      const written = writeNatsConfig(resolve(folder), options, await import('../cluster/index.ts'));
      console.log(written.join('\n'));
      console.log('Start the server:  nats-server -c nats-server.conf');
      console.log(
        'A gateway needs DRAGOMAN_DATABASE_URL and DRAGOMAN_FILES_URL besides; look with "dragoman doctor cluster".',
      );
    });
  program.addCommand(cluster);
}

/** Returns what was written, one sentence a file. */
function writeNatsConfig(
  folder: string,
  options: NatsOptions,
  { newIdentity, publicKeyOf, serverConfiguration }: typeof Cluster,
): string[] {
  const { workers: count, listen, storeDir, tlsCert, tlsKey, rotate } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new Error('--tls-cert and --tls-key are given together, or none of them.');
  const url =
    options.url ?? `${tlsCert === undefined ? 'nats' : 'tls'}://${listen.replace(/^0\.0\.0\.0/, '127.0.0.1')}`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const written: string[] = [];
  const identity = (file: string, role: 'gateway' | 'worker', seat?: string): string => {
    const path = join(folder, file);
    const known =
      !rotate && existsSync(path) ? /^DRAGOMAN_NATS_SEED=(\S+)$/m.exec(readFileSync(path, 'utf8'))?.[1] : undefined;
    const seed = known ?? newIdentity().seed;
    const settings = {
      DRAGOMAN_ROLE: role,
      DRAGOMAN_NATS_URL: url,
      DRAGOMAN_NATS_SEED: seed,
      ...(seat === undefined ? {} : { DRAGOMAN_WORKER_NAME: seat }),
    };
    const text = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    replaceFile(path, text.join(''), 0o600);
    written.push(
      `${path}: settings of ${seat === undefined ? 'every gateway' : `worker ${seat}`}${known ? ', with the key it had' : ''}`,
    );
    return publicKeyOf(seed);
  };
  const gateways = identity('gateway.env', 'gateway');
  const seats = Array.from({ length: count }, (_, index) => `worker-${index + 1}`);
  const workers = new Map(seats.map((seat) => [seat, identity(`${seat}.env`, 'worker', seat)]));
  const path = join(folder, 'nats-server.conf');
  const tls =
    tlsCert !== undefined && tlsKey !== undefined ? { cert: resolve(tlsCert), key: resolve(tlsKey) } : undefined;
  replaceFile(path, serverConfiguration({ listen, storeDir, tls, gateways, workers }), 0o644);
  return [`${path}: the server's configuration`, ...written];
}

/** All of it, or what was there before. */
function replaceFile(path: string, text: string, mode: number): void {
  writeFileSync(`${path}.new`, text, { mode });
  renameSync(`${path}.new`, path);
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!/^\d{1,4}$/.test(text) || number < 1 || number > 1000)
    throw new InvalidArgumentError('It must be from 1 to 1000.');
  return number;
}
