import { section } from '../setting.ts';
import { choice } from '../values.ts';

const setting = section('Logging');

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
};
