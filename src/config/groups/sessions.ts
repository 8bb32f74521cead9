import { section } from '../setting.ts';
import { bytes, day, hours, milliseconds, TiB, whole } from '../values.ts';

const setting = section('Live sessions');
const toolSetting = section('Tool calls');

export const sessions = {
  idleMs: setting('DRAGOMAN_SESSION_IDLE_MS', {
    value: milliseconds(1000, 30 * day),
    default: '1200000',
    help: 'How long an unused session keeps its sandbox, and with it its variables. Its files stay.',
  }),
  maxIdleMs: setting('DRAGOMAN_SESSION_MAX_IDLE_MS', {
    value: milliseconds(1000, 30 * day),
    default: '86400000',
    help: 'The longest idle time a session may ask for instead.',
  }),
  maxLifeMs: setting('DRAGOMAN_SESSION_MAX_LIFE_HOURS', {
    value: hours(1, 8760),
    default: '168',
    help: 'When a session ends and its files are removed, even while it is used.',
  }),
  maxLive: setting('DRAGOMAN_MAX_LIVE_SESSIONS', {
    value: whole(1, 100_000),
    default: '500',
    help: 'Sandboxes of sessions at once. Above this number, the session unused for longest gives up its sandbox.',
  }),
  reserveBytes: setting('DRAGOMAN_MEMORY_RESERVE_BYTES', {
    value: bytes(0, TiB),
    default: '512m',
    help: 'While less memory than this is available, unused sessions give up their sandboxes.',
  }),
  toolWaitMs: toolSetting('DRAGOMAN_TOOL_WAIT_MS', {
    value: milliseconds(1000, day),
    default: '600000',
    help: 'How long code may wait for its caller to answer a tool call; after that it is ended.',
  }),
  maxToolExecutions: toolSetting('DRAGOMAN_TOOL_EXECUTIONS', {
    value: whole(1, 100_000),
    default: '200',
    help: 'Executions of one principal that may call tools, at once. While they wait they use some megabytes of memory each, and no processor time.',
  }),
};
