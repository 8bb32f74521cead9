import { section } from '../setting.ts';
import { bytes, GiB, KiB, MiB, milliseconds, TiB } from '../values.ts';

const setting = section('Previews');

export const previews = {
  maxBytes: setting('DRAGOMAN_PREVIEW_MAX_BYTES', {
    value: bytes(64 * KiB, 64 * MiB),
    default: '4m',
    help: 'Largest preview of a file.',
  }),
  maxFileBytes: setting('DRAGOMAN_PREVIEW_FILE_BYTES', {
    value: bytes(0, TiB),
    default: '100m',
    help: 'Largest file that is previewed; 0: previews are off. A file larger than the workspace has none.',
  }),
  wallMs: setting('DRAGOMAN_PREVIEW_TIMEOUT_MS', {
    value: milliseconds(1000, 300_000),
    default: '20000',
    help: 'How long making a preview may take. Waiting for a place is not counted. Where the processor of sandboxes is emulated it is ten times as long, `DRAGOMAN_MAX_RUN_TIMEOUT_MS` at most.',
  }),
  memoryBytes: setting('DRAGOMAN_PREVIEW_MEMORY_BYTES', {
    value: bytes(192 * MiB, 64 * GiB),
    default: '512m',
    help: 'Memory that making a preview may take besides twice the size of the file, and never more than the plan allows an execution.',
  }),
  cacheBytes: setting('DRAGOMAN_PREVIEW_CACHE_BYTES', {
    value: bytes(0, 64 * GiB),
    default: '64m',
    help: 'Memory for previews that are kept for ten minutes. Where there is no room, the key with the most loses its oldest.',
  }),
};
