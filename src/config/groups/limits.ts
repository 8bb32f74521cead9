import type { Limits } from '../../core/index.ts';
import { type Setting, section } from '../setting.ts';
import { bytes, fraction, GiB, hour, KiB, MiB, milliseconds, TiB, whole } from '../values.ts';

const setting = section('Limits of one execution');

/** The limits that every sandbox is made with. */
export const limits: { readonly [K in keyof Limits]: Setting<Limits[K]> } = {
  wallMs: setting('DRAGOMAN_RUN_TIMEOUT_MS', {
    value: milliseconds(1, 24 * hour),
    default: '30000',
    plan: 'own',
    isOpen: true,
    help: 'Wall clock of a program whose request names no limit. Where the processor of sandboxes is emulated and this is not set, it is ten times as long, `DRAGOMAN_MAX_RUN_TIMEOUT_MS` at most.',
  }),
  memoryBytes: setting('DRAGOMAN_MEMORY_BYTES', {
    value: bytes(32 * MiB, TiB),
    default: '1g',
    plan: 'own',
    help: 'Memory of a sandbox, its workspace and temporary files included. It must be more than the size of the workspace and 192 MiB together.',
  }),
  cpus: setting('DRAGOMAN_CPUS', {
    value: fraction(1024),
    default: '1',
    plan: 'own',
    help: 'CPU cores a sandbox may use; may be a fraction.',
  }),
  processes: setting('DRAGOMAN_PROCESSES', {
    value: whole(1, 100_000),
    default: '128',
    plan: 'own',
    help: 'Processes and threads alive at once in a sandbox.',
  }),
  outputBytes: setting('DRAGOMAN_OUTPUT_BYTES', {
    value: bytes(KiB, GiB),
    default: '256k',
    plan: 'own',
    help: 'Bytes kept of each output stream: its first and its last half.',
  }),
  floodBytes: setting('DRAGOMAN_FLOOD_BYTES', {
    value: bytes(KiB, TiB),
    default: '16m',
    plan: 'own',
    help: 'Output on one stream after which the program is stopped.',
  }),
  workspaceBytes: setting('DRAGOMAN_WORKSPACE_BYTES', {
    value: bytes(MiB, TiB),
    default: '256m',
    plan: 'fixed',
    help: 'Size of the workspace, `/mnt/data`.',
  }),
  workspaceFiles: setting('DRAGOMAN_WORKSPACE_FILES', {
    value: whole(16, 10_000_000),
    default: '20000',
    plan: 'fixed',
    help: 'Files and directories the workspace can hold.',
  }),
  artifacts: setting('DRAGOMAN_ARTIFACTS', {
    value: whole(0, 10_000),
    default: '50',
    plan: 'own',
    help: 'Most files kept of those that a program made or changed.',
  }),
  artifactBytes: setting('DRAGOMAN_ARTIFACT_BYTES', {
    value: bytes(0, TiB),
    default: '64m',
    plan: 'own',
    help: 'Largest file kept of those that a program made or changed.',
  }),
  openFiles: setting('DRAGOMAN_OPEN_FILES', {
    value: whole(32, 1_048_576),
    default: '1024',
    plan: 'fixed',
    help: 'Files open at once in one process.',
  }),
};

export const maxWallMs = setting('DRAGOMAN_MAX_RUN_TIMEOUT_MS', {
  value: milliseconds(1, 24 * hour),
  default: '300000',
  plan: 'own',
  help: 'Longest wall clock a request may ask for.',
});
