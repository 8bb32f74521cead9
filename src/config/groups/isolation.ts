import { tiers } from '../../core/index.ts';
import { section } from '../setting.ts';
import { bytes, choice, choices, GiB, imageName, MiB, path, whole } from '../values.ts';

const setting = section('Sandboxes');

export const isolation = {
  backend: setting('DRAGOMAN_ISOLATION', {
    value: choice(...tiers),
    default: 'namespaces',
    plan: 'own',
    help: 'What separates sandboxes from the host and from each other: `namespaces`, `gvisor` (a kernel in user space for each) or `microvm` (a virtual machine for each, on x86-64). A plan may say another one.',
  }),
  choices: setting('DRAGOMAN_ISOLATION_CHOICES', {
    value: choices(...tiers),
    unset: 'requests choose nothing',
    plan: 'own',
    help: 'Isolations that a request may choose instead, separated by commas. A request that names another one is refused.',
  }),
  least: setting('DRAGOMAN_MIN_ISOLATION', {
    value: choice(...tiers),
    default: 'namespaces',
    help: 'The weakest isolation that the settings and plans may name: the service does not start with a weaker one. `namespaces` is weaker than `gvisor`, and that than `microvm`.',
  }),
  runsc: setting('DRAGOMAN_RUNSC', {
    value: path(),
    unset: "set-up downloads Debian's into the data directory",
    help: 'Path of the program `runsc` for the isolation `gvisor`, of July 2024 or later.',
  }),
  image: setting('DRAGOMAN_IMAGE', {
    value: imageName(),
    default: 'auto',
    help: 'Root file system of the sandboxes: `full` (thirteen languages), `ml` (`full` with PyTorch and TensorFlow), `core` (Python, JavaScript, TypeScript and Bash), `auto` (`full` where the disk has room for it, else `core`), or the path of a root directory, with a slash in it.',
  }),
  sandboxUid: setting('DRAGOMAN_SANDBOX_UID', {
    value: whole(1, 4_294_967_294),
    default: '2000000000',
    help: 'First of 4096 user ids for sandboxes when the service runs as root: each sandbox gets one of its own. An ordinary user takes them from `/etc/subuid`.',
  }),
  diskReadBytes: setting('DRAGOMAN_DISK_READ_BYTES', {
    value: bytes(MiB, 100 * GiB),
    default: '200m',
    help: 'Most bytes a second that all sandboxes together read from the disk of their image, where the kernel can bound it (`doctor` says so).',
  }),
};

export const pool = setting('DRAGOMAN_POOL', {
  value: whole(0, 1000),
  default: '0',
  help: 'Sandboxes of each kind in use that are made before a request needs one, of every other kind one; 0 chooses by cores.',
});
