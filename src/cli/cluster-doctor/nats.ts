import { Connection, examineServer, excessiveRights, inboxOf, type ServerFacts } from '../../cluster/index.ts';
import type { Config } from '../../config/index.ts';
import { isLoopbackHost } from '../../core/index.ts';
import { attempt, type Check, checkOf, clockCheck } from './check.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const connectMs = 3000;
/** Keys of a bucket that end by themselves came with it. */
const oldestMinor = 11;
const neededMessageBytes = 256 * 1024;
const neededDiskBytes = 1024 ** 3;

type Cluster = Config['cluster'];

/** The NATS server as a gateway sees it, and the workers on it. */
export function examineGatewaySide(cluster: Cluster, version: string): Promise<readonly Check[]> {
  return attempt('NATS', async () => {
    const connection = await connect(cluster, undefined, 'doctor');
    try {
      const facts = await examineServer(connection);
      return [...serverChecks(cluster, facts), ...workerChecks(facts, version), await anonymous(cluster)];
    } finally {
      await connection.close();
    }
  });
}

/** The rights of a worker: what it must not be able to do is refused. */
export function examineWorkerSide(cluster: Cluster): Promise<readonly Check[]> {
  return attempt('NATS', async () => {
    const seat = cluster.workerName ?? cluster.natsUrl?.user;
    if (seat === undefined)
      throw new Error(
        'The rights of a worker belong to its name: set DRAGOMAN_WORKER_NAME, or a user in DRAGOMAN_NATS_URL.',
      );
    const connection = await connect(cluster, seat, 'doctor');
    try {
      const { excessive, missing, tried } = await excessiveRights(connection, seat);
      return [
        checkOf('rights of worker', `${tried} things tried that must be refused to ${seat}`, [
          ...excessive.map((what) => `it may ${what}`),
          ...missing.map((what) => `it may not ${what}`),
        ]),
        await anonymous(cluster),
      ];
    } finally {
      await connection.close();
    }
  });
}

function serverChecks({ natsUrl }: Cluster, facts: ServerFacts): Check[] {
  const [major = 0, minor = 0] = facts.version.split('.').map(Number);
  const isOld = major < 2 || (major === 2 && minor < oldestMinor);
  const { diskBytes, maxMessageBytes, skewMs } = facts;
  const isLocal = natsUrl?.servers.every((server) => isLoopbackHost(server.replace(/:\d+$/, ''))) === true;
  const isPlain = natsUrl?.tls !== true && !facts.isEncrypted;
  const disk = diskBytes === null || diskBytes < 0 ? 'without a limit' : `${Math.floor(diskBytes / 1024 ** 2)} MiB`;
  return [
    checkOf('NATS server', `${facts.version}, ${facts.servers} of its cluster`, [
      isOld && `2.${oldestMinor} or later is needed`,
      maxMessageBytes < neededMessageBytes && `set max_payload to ${neededMessageBytes} or more`,
    ]),
    checkOf('JetStream', diskBytes === null ? 'off' : `on disk: ${disk}`, [
      diskBytes === null && 'switch it on for the account of gateways',
      diskBytes !== null && diskBytes >= 0 && diskBytes < neededDiskBytes && 'give it 1 GiB on disk or more',
    ]),
    isPlain && isLocal
      ? { name: 'encryption', state: 'absent', detail: 'none, and none needed on this machine' }
      : checkOf('encryption', isPlain ? 'none' : 'TLS', [isPlain && 'use tls://, and a certificate on the server']),
    skewMs === null
      ? { name: 'clock of NATS', state: 'absent', detail: 'not asked: no gateway has run here yet' }
      : clockCheck('clock of NATS', skewMs),
  ];
}

function workerChecks({ workers }: ServerFacts, version: string): Check[] {
  if (!workers || workers.length === 0) return [{ name: 'workers', state: 'absent', detail: 'none is running' }];
  const versions = new Set(workers.map(({ lease }) => lease.version));
  const images = new Set(workers.map(({ lease }) => lease.image));
  const others = [...versions].filter((each) => each !== version);
  const clocks = workers.flatMap(({ lease, skewMs }) =>
    skewMs === null ? [] : [clockCheck(`clock of ${lease.worker.split('.')[0]}`, skewMs)],
  );
  return [
    checkOf('workers', `${workers.length} running, version ${[...versions].join(', ')}`, [
      others.length > 0 && `this program is ${version}: run one version everywhere, gateways first`,
      images.size > 1 &&
        `they have ${images.size} different sandbox images, so that a session moves only between equal ones`,
    ]),
    ...clocks,
  ];
}

/** Without credentials a server must not let anybody in. */
async function anonymous({ natsUrl, natsCa }: Cluster): Promise<Check> {
  const name = 'strangers';
  try {
    const connection = await connect({ natsUrl, natsCa, natsSeed: undefined } as Cluster, undefined, 'doctor', true);
    await connection.close();
    return checkOf(name, 'let in without credentials', ['give the server users, each with its own rights']);
  } catch {
    return checkOf(name, 'refused');
  }
}

function connect(
  { natsUrl, natsSeed, natsCa }: Cluster,
  seat: string | undefined,
  name: string,
  isAnonymous = false,
): Promise<Connection> {
  if (!natsUrl)
    throw new Error('DRAGOMAN_NATS_URL is not set: it names the NATS server that joins gateways and workers.');
  return Connection.open({
    ...natsUrl,
    ...(isAnonymous ? { user: undefined, password: undefined } : {}),
    seed: isAnonymous ? undefined : natsSeed,
    caFile: natsCa,
    name,
    inbox: inboxOf(seat),
    firstMs: connectMs,
    logger: silent,
  });
}
