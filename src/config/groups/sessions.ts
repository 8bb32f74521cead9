import { section } from '../setting.ts';
import { bytes, day, flag, hours, milliseconds, TiB, whole } from '../values.ts';

const setting = section('Live sessions');
const stateSetting = section('Saved variables');
const commandSetting = section('Commands');
const toolSetting = section('Tool calls');

export const state = stateSetting('DRAGOMAN_STATE', {
  value: flag(),
  default: 'true',
  plan: 'own',
  help: 'Whether variables of sessions are saved, so that they outlive their sandbox.',
});

export const sessions = {
  execKeepsVariables: stateSetting('DRAGOMAN_EXEC_KEEPS_VARIABLES', {
    value: flag(),
    default: 'false',
    help: "Whether LibreChat's `/exec` runs code in a session and goes on with the variables of an earlier answer's `session_id`. A request may ask for it, or not, with `keep_variables`. Without it every call is a fresh program, as LibreChat expects.",
  }),
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
  stateBytes: stateSetting('DRAGOMAN_STATE_BYTES', {
    value: bytes(1, TiB),
    default: '512m',
    help: 'The most that the variables of one interpreter may take; they count in what its key may store. What is beyond it is lost by name.',
  }),
  stateAfterMs: stateSetting('DRAGOMAN_STATE_AFTER_MS', {
    value: milliseconds(100, day),
    default: '30000',
    help: 'How long a session has been idle when its variables are saved, if code has run in it since the last time.',
  }),
  stateSaveMs: stateSetting('DRAGOMAN_STATE_SAVE_MS', {
    value: milliseconds(100, 600_000),
    default: '10000',
    help: 'How long saving the variables of one interpreter may take. Code that runs meanwhile does not wait for it.',
  }),
  checkpointBytes: stateSetting('DRAGOMAN_CHECKPOINT_BYTES', {
    value: bytes(1, TiB),
    default: '1g',
    help: 'The most that the checkpoint of one session may take, compressed, in the tiers gvisor and microvm; it counts in what its key may store. What is larger is saved as variables.',
  }),
  checkpointSaveMs: stateSetting('DRAGOMAN_CHECKPOINT_SAVE_MS', {
    value: milliseconds(100, 600_000),
    default: '60000',
    help: 'How long writing and storing the checkpoint of one session may take. Code of the session waits while it is written.',
  }),
  stateRestoreMs: stateSetting('DRAGOMAN_STATE_RESTORE_MS', {
    value: milliseconds(100, 600_000),
    default: '30000',
    help: 'How long giving variables back may take, before the code that needs them runs without.',
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
  maxCommands: commandSetting('DRAGOMAN_MAX_COMMANDS', {
    value: whole(1, 100_000),
    default: '256',
    help: 'Commands that run beside cells at once; one principal runs at most a quarter of them, and one session 16.',
  }),
  maxCommandMs: commandSetting('DRAGOMAN_COMMAND_MAX_HOURS', {
    value: hours(1, 8760),
    default: '24',
    help: 'A command is ended after so long.',
  }),
};
