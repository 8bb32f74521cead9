import { usualDataDir } from '../../core/index.ts';
import { section } from '../setting.ts';
import { bytes, filesPlace, hours, MiB, path, postgresUrl, sharedSecret, TiB, whole } from '../values.ts';

const setting = section('Storage');

export const stores = {
  dataDir: setting('DRAGOMAN_DATA_DIR', {
    value: path(),
    default: usualDataDir,
    shown: '`/var/lib/dragoman` for root, else `$XDG_DATA_HOME/dragoman` or `~/.local/share/dragoman`',
    help: 'Directory of everything the service keeps: files, database, image, the first API key.',
  }),
  databaseUrl: setting('DRAGOMAN_DATABASE_URL', {
    value: postgresUrl(),
    secret: true,
    unset: 'a file in the data directory',
    help: 'PostgreSQL database (version 13 or later) for records, as `postgres://user:password@host:port/database`. One server uses it at a time. `dragoman migrate` brings the records along.',
  }),
  filesPlace: setting('DRAGOMAN_FILES_URL', {
    value: filesPlace(),
    unset: 'the data directory',
    help: 'Bucket of an S3 server for the bytes of files, as `s3://bucket/prefix?region=…&endpoint=https://…`. Credentials come from where the AWS SDK looks for them: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or the role of the machine. Or a process with the role `files`, as `http://host:port`.',
  }),
  filesSecret: setting('DRAGOMAN_FILES_SECRET', {
    value: sharedSecret(),
    secret: true,
    unset: 'none: a bucket needs none',
    help: 'Secret that a process with the role `files` shares with its gateways, at least 32 characters: they sign with it what workers may read and store. `openssl rand -hex 32` makes one.',
  }),
  retentionMs: setting('DRAGOMAN_RETENTION_HOURS', {
    value: hours(1, 87_600),
    default: '24',
    help: 'How long files are kept. LibreChat needs 24 or more, because it uses a file again for 23 hours.',
  }),
  recordBytes: setting('DRAGOMAN_RECORD_BYTES', {
    value: bytes(MiB, 1024 * TiB),
    default: '4g',
    help: 'Most bytes of records of one key, or of one user of a token, in any plan: responses, conversations, assistants, sessions and what ran in them.',
  }),
};

export const storedBytes = setting('DRAGOMAN_STORED_BYTES', {
  value: bytes(0, 1024 * TiB),
  default: '20g',
  plan: 'own',
  help: 'Most bytes of files of one key, or of one user of a token: uploads, files that programs made, files of sessions and containers. A file counts in blocks of 4096 bytes, at least one.',
});

export const storedFiles = setting('DRAGOMAN_STORED_FILES', {
  value: whole(0, 100_000_000),
  default: '100000',
  plan: 'own',
  help: 'Most files of one key, or of one user of a token.',
});

export const compileCacheBytes = setting('DRAGOMAN_COMPILE_CACHE_BYTES', {
  value: bytes(0, TiB),
  default: '1g',
  help: 'Most bytes of compiled programs kept, so that a program sent again is not compiled again. Where there is no room, the key with the most loses those it has not used for longest.',
});
