import { section } from '../setting.ts';
import { bytes, GiB, hour, KiB, milliseconds, TiB, text, whole } from '../values.ts';

const setting = section('Server');

export const http = {
  host: setting('DRAGOMAN_HOST', {
    value: text('host'),
    default: '127.0.0.1',
    help: 'Address to listen on.',
  }),
  port: setting('DRAGOMAN_PORT', {
    value: whole(0, 65_535),
    default: '8080',
    help: 'TCP port to listen on; 0 takes any free port.',
  }),
  maxBodyBytes: setting('DRAGOMAN_MAX_BODY_BYTES', {
    value: bytes(KiB, GiB),
    default: '32m',
    help: 'Largest JSON request body. Bodies that are arriving may use twice this much memory for one principal, and eight times for all.',
  }),
  bodyTimeoutMs: setting('DRAGOMAN_BODY_TIMEOUT_MS', {
    value: milliseconds(100, hour),
    default: '30000',
    help: 'How long a JSON body may take to arrive.',
  }),
  maxUploadBytes: setting('DRAGOMAN_MAX_UPLOAD_BYTES', {
    value: bytes(1, TiB),
    default: '150m',
    help: 'Largest uploaded file.',
  }),
  maxUploadFiles: setting('DRAGOMAN_MAX_UPLOAD_FILES', {
    value: whole(1, 10_000),
    default: '200',
    help: 'Most files in one upload.',
  }),
  uploadTimeoutMs: setting('DRAGOMAN_UPLOAD_TIMEOUT_MS', {
    value: milliseconds(1000, hour),
    default: '120000',
    help: 'How long a request may take to arrive, uploads included.',
  }),
};
