import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { type CommandEnd, DragomanError } from '../../../core/index.ts';
import type { CommandEvent, CommandInfo, NumberedCommandEvent } from '../../../service/index.ts';
import { environmentIn, toSandboxPath } from '../../sandboxes/paths.ts';
import { ConnectCalls } from '../connect/calls.ts';
import { ConnectError } from '../connect/errors.ts';
import type { Reached } from '../reach.ts';
import { notesOf } from '../sandbox.ts';
import type { E2BServices } from '../services.ts';
import {
  inputRequest,
  listRequest,
  type Selector,
  selectRequest,
  signalRequest,
  startRequest,
  streamInputRequest,
  updateRequest,
} from './process-wire.ts';

const keepAlive = { event: { keepalive: {} } };
/** How long input that is sent as a stream waits for a command that does not read. */
const inputWaitMs = 30_000;
const inputPauseMs = 20;
const home = '/home/user';

/** `process.Process`: commands in a sandbox. A caller that leaves does not end its command. */
export function addProcessService(app: FastifyInstance, services: E2BServices): void {
  const { commands } = services;
  const calls = new ConnectCalls(app, services);

  calls.stream(
    { name: 'process.Process/Start', rateClass: 'exec', schema: startRequest },
    async function* ({ message, reached: { owner, info }, gone, timeoutMs }) {
      const { process: program, pty, tag, stdin } = message;
      const cwd = program.cwd ?? home;
      const command = await commands
        .start(owner, info.id, {
          argv: [program.cmd, ...program.args],
          cwd: toSandboxPath(cwd),
          env: { ...environmentIn(cwd), ...notesOf(info).env, ...program.envs },
          hasInput: stdin,
          timeoutMs,
          tag,
          terminal: pty ? { columns: pty.size?.cols ?? 80, rows: pty.size?.rows ?? 24 } : undefined,
        })
        .catch((error) => {
          throw notStarted(error, cwd);
        });
      yield* told(command, commands.events(owner, info.id, command.id, 0, gone));
    },
    keepAlive,
  );

  calls.stream(
    { name: 'process.Process/Connect', rateClass: 'list', schema: selectRequest },
    async function* ({ message, reached, gone }) {
      const command = await find(reached, message.process);
      const { owner, info } = reached;
      if (command.ended) {
        yield { event: { start: { pid: command.pid } } };
        yield { event: { end: endOf(command.ended) } };
        return;
      }
      yield* told(command, commands.events(owner, info.id, command.id, 'now', gone));
    },
    keepAlive,
  );

  calls.unary(
    { name: 'process.Process/List', rateClass: 'list', schema: listRequest },
    async ({ reached: { owner, info } }) => {
      const all = await commands.list(owner, info.id);
      return { processes: all.filter(({ ended }) => ended === null).map(processOf) };
    },
  );
  calls.unary(
    { name: 'process.Process/SendSignal', rateClass: 'list', schema: signalRequest },
    async ({ message, reached }) => {
      const { id } = await running(reached, message.process);
      if (!(await commands.signal(reached.owner, reached.info.id, id, message.signal))) throw noProcess();
      return {};
    },
  );
  calls.unary(
    { name: 'process.Process/SendInput', rateClass: 'list', schema: inputRequest },
    async ({ message, reached }) => {
      const { id } = await running(reached, message.process);
      await commands.write(reached.owner, reached.info.id, id, inputOf(message.input)).catch(inputRefused);
      return {};
    },
  );
  calls.unary(
    { name: 'process.Process/CloseStdin', rateClass: 'list', schema: selectRequest },
    async ({ message, reached }) => {
      const { id } = await running(reached, message.process);
      await commands.closeInput(reached.owner, reached.info.id, id).catch(inputRefused);
      return {};
    },
  );
  calls.unary(
    { name: 'process.Process/Update', rateClass: 'list', schema: updateRequest },
    async ({ message, reached }) => {
      const { id } = await running(reached, message.process);
      const size = message.pty?.size;
      if (size) {
        const { cols: columns, rows } = size;
        await commands.resize(reached.owner, reached.info.id, id, { columns, rows }).catch(inputRefused);
      }
      return {};
    },
  );
  calls.clientStream(
    { name: 'process.Process/StreamInput', rateClass: 'list', schema: streamInputRequest },
    async (messages, { reached, gone }) => {
      let command: CommandInfo | undefined;
      for await (const { start, data } of messages) {
        if (start) command = await running(reached, start.process);
        if (!data) continue;
        if (!command) throw new ConnectError('invalid_argument', 'the first message says which process it is for');
        await writeInTime(reached, command.id, inputOf(data.input), gone);
      }
      return {};
    },
  );

  /** A command that runs or has ended. @throws ConnectError not_found */
  async function find({ owner, info }: Reached, { pid, tag }: Selector): Promise<CommandInfo> {
    const all = await commands.list(owner, info.id);
    const found = all.findLast((command) => (tag === undefined ? command.pid === pid : command.tag === tag));
    if (!found) throw noProcess();
    return found;
  }

  /** @throws ConnectError not_found */
  async function running(reached: Reached, selector: Selector): Promise<CommandInfo> {
    const found = await find(reached, selector);
    if (found.ended) throw noProcess();
    return found;
  }

  /** Writes when the command has read what came before. */
  async function writeInTime({ owner, info }: Reached, id: string, data: Buffer, gone: AbortSignal): Promise<void> {
    for (const start = performance.now(); ; ) {
      try {
        return await commands.write(owner, info.id, id, data);
      } catch (error) {
        const isFull = error instanceof DragomanError && error.code === 'rate_limited';
        if (!isFull || gone.aborted || performance.now() - start > inputWaitMs) inputRefused(error);
      }
      await sleep(inputPauseMs);
    }
  }
}

const noProcess = () => new ConnectError('not_found', 'there is no such process');

function notStarted(error: unknown, cwd: string): unknown {
  if (!(error instanceof DragomanError) || error.code !== 'invalid_request') return error;
  return /director|folder/i.test(error.message)
    ? new ConnectError('invalid_argument', `cwd '${cwd.slice(0, 512)}' does not exist`)
    : error;
}

/** Closed input is no conflict with another one. */
function inputRefused(error: unknown): never {
  if (error instanceof DragomanError && error.code === 'conflict')
    throw new ConnectError('failed_precondition', error.message);
  throw error;
}

const inputOf = ({ stdin, pty }: { stdin?: Buffer | undefined; pty?: Buffer | undefined }) =>
  stdin ?? pty ?? Buffer.alloc(0);

function processOf({ argv, env, cwd, pid, tag }: CommandInfo) {
  const [cmd = '', ...args] = argv;
  return { config: { cmd, args, envs: env, cwd }, pid, ...(tag === null ? {} : { tag }) };
}

async function* told({ pid }: CommandInfo, events: AsyncIterable<NumberedCommandEvent>): AsyncGenerator<object> {
  yield { event: { start: { pid } } };
  for await (const { event } of events) {
    if (event.type === 'output') yield { event: { data: outputOf(event) } };
    else if (event.type === 'ended') {
      // Its sandbox has gone with it, so nothing is known of its end.
      if (event.end.reason === 'sandbox_gone') throw new ConnectError('unavailable', 'The sandbox was not found');
      yield { event: { end: endOf(event.end) } };
      return;
    }
  }
}

function outputOf({ stream, data }: Extract<CommandEvent, { type: 'output' }>) {
  return { [stream === 'terminal' ? 'pty' : stream]: Buffer.from(data).toString('base64') };
}

/** How Go, in which the vendor's server is written, calls signals. */
const signalWords: Readonly<Record<string, string>> = {
  SIGHUP: 'hangup',
  SIGINT: 'interrupt',
  SIGQUIT: 'quit',
  SIGILL: 'illegal instruction',
  SIGABRT: 'aborted',
  SIGBUS: 'bus error',
  SIGFPE: 'floating point exception',
  SIGKILL: 'killed',
  SIGSEGV: 'segmentation fault',
  SIGPIPE: 'broken pipe',
  SIGALRM: 'alarm clock',
  SIGTERM: 'terminated',
};

function endOf({ code, signal }: CommandEnd) {
  if (code !== null) {
    const status = `exit status ${code}`;
    return { exitCode: code, exited: true, status, ...(code === 0 ? {} : { error: status }) };
  }
  const status = `signal: ${signalWords[signal ?? 'SIGKILL'] ?? signal}`;
  return { exitCode: -1, exited: false, status, error: status };
}
