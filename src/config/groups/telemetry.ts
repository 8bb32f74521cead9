import { section } from '../setting.ts';
import { choice, fraction, headers, httpUrl, listenAddress } from '../values.ts';

const setting = section('Logging');
const measured = section('Metrics');
const traced = section('Traces');

export const telemetry = {
  level: setting('DRAGOMAN_LOG_LEVEL', {
    value: choice('debug', 'info', 'warn', 'error', 'silent'),
    default: 'info',
    help: 'Least severe messages that are logged.',
  }),
  format: setting('DRAGOMAN_LOG_FORMAT', {
    value: choice('pretty', 'json'),
    default: ({ isTerminal }) => (isTerminal ? 'pretty' : 'json'),
    shown: '`pretty` on a terminal, else `json`',
    help: 'Form of the log on standard output.',
  }),
  metricsListen: measured('DRAGOMAN_METRICS_LISTEN', {
    value: listenAddress(),
    unset: 'nowhere else than at `/metrics` of the service',
    help: 'Where this process shows its metrics to whoever can reach it, as `127.0.0.1:9464`. For the roles `worker` and `files`, which have no `/metrics` of their own.',
  }),
  tracesUrl: traced('DRAGOMAN_OTLP_URL', {
    value: httpUrl(),
    unset: 'nothing is traced',
    help: 'Collector that gets traces by OTLP over HTTP (JSON), as `http://127.0.0.1:4318`; `/v1/traces` is added. A trace goes from the request to the cell, through every process.',
  }),
  tracesHeaders: traced('DRAGOMAN_OTLP_HEADERS', {
    value: headers(),
    secret: true,
    unset: 'none',
    help: 'Headers for the collector, such as its key: `name=value`, with commas between several.',
  }),
  tracesShare: traced('DRAGOMAN_TRACE_SHARE', {
    value: fraction(1),
    default: '1',
    help: 'How many requests are traced, of those whose caller sends no `traceparent`: up to 1, which is all of them.',
  }),
};
