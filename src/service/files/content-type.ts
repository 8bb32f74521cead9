import { extname } from 'node:path';
import mime from 'mime';

const unknown = 'application/octet-stream';

/** Of programs and data, what the registered types do not know or take for something else (`.ts` is a video to them). */
const ours: Readonly<Record<string, string>> = {
  arrow: 'application/vnd.apache.arrow.file',
  bash: 'application/x-sh',
  cjs: 'text/javascript',
  d: 'text/x-d',
  diff: 'text/x-diff',
  f90: 'text/x-fortran',
  feather: 'application/vnd.apache.arrow.file',
  go: 'text/x-go',
  h5: 'application/x-hdf5',
  hdf5: 'application/x-hdf5',
  jsonl: 'application/jsonl',
  mts: 'text/typescript',
  ndjson: 'application/x-ndjson',
  parquet: 'application/vnd.apache.parquet',
  patch: 'text/x-diff',
  php: 'text/x-php',
  py: 'text/x-python',
  r: 'text/x-r',
  rs: 'text/x-rust',
  sqlite: 'application/vnd.sqlite3',
  tgz: 'application/gzip',
  ts: 'text/typescript',
  tsx: 'text/tsx',
};

/**
 * The type to store for a file: what the uploader said if that says anything and is well-formed, else by the name's ending.
 * It is only ever sent back as an attachment's type.
 */
export function contentTypeOf(name: string, declared: string | undefined): string {
  if (declared && declared !== unknown && /^[\w.+-]{1,64}\/[\w.+-]{1,96}(; ?charset=[\w-]{1,32})?$/i.test(declared)) {
    return declared.toLowerCase();
  }
  const ending = extname(name).slice(1).toLowerCase();
  return (Object.hasOwn(ours, ending) ? ours[ending] : mime.getType(ending)) ?? unknown;
}
