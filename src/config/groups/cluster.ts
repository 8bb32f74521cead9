import { section } from '../setting.ts';
import { bytes, choice, milliseconds, natsUrl, path, seatName, TiB, text } from '../values.ts';

const setting = section('Many machines');

export const cluster = {
  role: setting('DRAGOMAN_ROLE', {
    value: choice('all', 'gateway', 'worker', 'files'),
    default: 'all',
    help: 'What this process does: `all` is a whole service on one machine; a `gateway` answers requests and holds no sandboxes; a `worker` runs code for gateways, and knows no key, no database and no bucket; `files` keeps the bytes of files on its disk for gateways and workers, where there is no S3 server.',
  }),
  natsUrl: setting('DRAGOMAN_NATS_URL', {
    value: natsUrl(),
    secret: true,
    unset: 'none: a role `all` needs none',
    help: 'The NATS server (2.11 or later, with JetStream) that joins gateways and workers, as `nats://host:4222` or `tls://host:4222`; several of one cluster with commas between them. A user and a password may stand before the host.',
  }),
  natsSeed: setting('DRAGOMAN_NATS_SEED', {
    value: text(),
    secret: true,
    unset: 'the user and password of `DRAGOMAN_NATS_URL`',
    help: 'Seed of the NKey that this process shows to the NATS server. `dragoman cluster nats-config` makes one for each gateway and worker.',
  }),
  natsCa: setting('DRAGOMAN_NATS_CA', {
    value: path(),
    unset: 'those of the system',
    help: 'File with the certificates that the certificate of the NATS server is checked with.',
  }),
  workerName: setting('DRAGOMAN_WORKER_NAME', {
    value: seatName(),
    unset: 'the user of `DRAGOMAN_NATS_URL`, or a name made up at each start',
    help: 'Name of a worker among all workers, which its rights on the NATS server are made for: letters, digits, `-` and `_`. Two workers of one name cannot run at once.',
  }),
  fileCacheBytes: setting('DRAGOMAN_FILE_CACHE_BYTES', {
    value: bytes(0, 1024 * TiB),
    default: '10g',
    help: 'How much of the disk a worker uses for files it has read and made, so that it need not fetch them again. It begins empty at each start.',
  }),
  drainMs: setting('DRAGOMAN_DRAIN_MS', {
    value: milliseconds(0, 3_600_000),
    default: '60000',
    help: 'How long a worker that is asked to end lets running code go on. Sessions are let go meanwhile, and open on other workers.',
  }),
};
