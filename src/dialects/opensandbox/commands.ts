import { StringDecoder } from 'node:string_decoder';
import type { FastifyInstance } from 'fastify';
import type { CommandEnd, Principal } from '../../core/index.ts';
import { abortOnDisconnect, addRoute, type Frame, sendEvents } from '../../http/index.ts';
import type { CommandInfo, NumberedCommandEvent } from '../../service/index.ts';
import { sandboxOf } from '../sandboxes/list.ts';
import { environmentIn, toSandboxPath } from '../sandboxes/paths.ts';
import { commandRoutes as routes } from './contract.ts';
import { invalid, noSandbox, WireError, wireError } from './errors.ts';
import { face, isoTime, notesOf } from './sandbox.ts';
import type { OpenSandboxServices } from './services.ts';

const home = '/home/user';
/**
 * The vendor's client waits, by a command, until something accepts connections on this port of the sandbox's loopback: there it is
 * Jupyter, here the sandbox's supervisor (guest/agent/tool_channel.py).
 */
const acceptingPort = '10711';
/** How long output is waited for that is there already. */
const momentMs = 50;
const maxLogBytes = 8 * 1024 * 1024;

/** Commands in a sandbox. */
export function addCommandRoutes(app: FastifyInstance, services: OpenSandboxServices): void {
  const { sessions, commands, now } = services;
  const find = (principal: Principal, id: string) => sandboxOf(sessions, principal, face, id, noSandbox);
  const commandOf = async (principal: Principal, sandbox: string, id: string) => {
    const found = (await commands.list(principal, sandbox)).find((command) => command.id === id);
    if (!found) throw new WireError(404, 'COMMAND_NOT_FOUND', `Command ${id.slice(0, 64)} not found.`);
    return found;
  };

  addRoute(app, routes.run, async ({ params, body }, { principal }, reply) => {
    const info = await find(principal, params.sandbox_id);
    if ((body.uid ?? 1000) !== 1000 || (body.gid ?? 1000) !== 1000)
      throw invalid('uid, gid: a sandbox has one user, 1000');
    const { command, cwd, timeout, background } = body;
    const started = await commands.start(principal, info.id, {
      argv: typeof command === 'string' ? ['/bin/bash', '-c', command] : command,
      cwd: toSandboxPath(cwd || home),
      env: { ...environmentIn(cwd || home), JUPYTER_PORT: acceptingPort, ...notesOf(info).env, ...body.envs },
      timeoutMs: timeout && timeout > 0 ? timeout : undefined,
    });
    if (background) return sendEvents(reply, backgroundEvents(started, now));
    const gone = abortOnDisconnect(reply);
    // Without its caller nothing would end it.
    gone.addEventListener(
      'abort',
      () => void commands.signal(principal, info.id, started.id, 'SIGTERM').catch(() => {}),
    );
    const events = commands.events(principal, info.id, started.id, 0, gone);
    const ping = { data: { type: 'ping', text: 'pong', timestamp: now() } };
    return sendEvents(reply, eventsOf(started, events, gone, now), ping);
  });
  addRoute(app, routes.interrupt, async ({ params, query: { id = '' } }, { principal }, reply) => {
    const info = await find(principal, params.sandbox_id);
    await commandOf(principal, info.id, id);
    await commands.signal(principal, info.id, id, 'SIGINT');
    return reply.code(200).send();
  });
  addRoute(app, routes.status, async ({ params }, { principal }) => {
    const info = await find(principal, params.sandbox_id);
    return statusOf(await commandOf(principal, info.id, params.command_id));
  });
  addRoute(app, routes.logs, async ({ params, query: { cursor } }, { principal }, reply) => {
    const info = await find(principal, params.sandbox_id);
    const { id } = await commandOf(principal, info.id, params.command_id);
    const stop = new AbortController();
    const { text, last } = await textAfter(commands.events(principal, info.id, id, cursor, stop.signal), cursor, stop);
    return reply.header('execd-commands-tail-cursor', String(last)).type('text/plain; charset=utf-8').send(text);
  });
}

/** What a command has printed so far, behind an event. */
async function textAfter(events: AsyncIterable<NumberedCommandEvent>, cursor: number, stop: AbortController) {
  let timer = setTimeout(() => stop.abort(), momentMs);
  const parts: Uint8Array[] = [];
  let [last, length] = [cursor, 0];
  try {
    for await (const { number, event } of events) {
      clearTimeout(timer);
      timer = setTimeout(() => stop.abort(), momentMs);
      if (event.type !== 'output') continue;
      parts.push(event.data);
      last = number;
      length += event.data.length;
      if (length >= maxLogBytes) stop.abort();
    }
  } finally {
    clearTimeout(timer);
  }
  return { text: Buffer.concat(parts).toString(), last };
}

function statusOf({ id, argv, ended, startedAt }: CommandInfo) {
  const content = argv.at(-1) ?? '';
  if (!ended) return { id, content, running: true, started_at: isoTime(startedAt) };
  const exit = exitOf(ended);
  const error = exit === 0 ? {} : { error: `exit status ${exit}` };
  return {
    id,
    content,
    running: false,
    exit_code: exit,
    ...error,
    started_at: isoTime(startedAt),
    finished_at: isoTime(ended.at),
  };
}

/** As a shell tells the end by a signal. */
const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};

const exitOf = ({ code, signal }: CommandEnd) => code ?? 128 + (signalNumbers[signal ?? ''] ?? 9);

async function* backgroundEvents({ id }: CommandInfo, now: () => number): AsyncGenerator<Frame> {
  yield { data: { type: 'init', timestamp: now(), text: id } };
  yield { data: { type: 'execution_complete', timestamp: now(), execution_time: 0 } };
}

async function* eventsOf(
  { id, startedAt }: CommandInfo,
  events: AsyncIterable<NumberedCommandEvent>,
  gone: AbortSignal,
  now: () => number,
): AsyncGenerator<Frame> {
  const event = (type: string, more: object): Frame => ({ data: { type, timestamp: now(), ...more } });
  const texts = { stdout: new StringDecoder(), stderr: new StringDecoder(), terminal: new StringDecoder() };
  const failed = (ename: string, evalue: string, words: string) =>
    event('error', { error: { ename, evalue, traceback: [words] } });
  yield event('init', { text: id });
  try {
    for await (const { event: said } of events) {
      if (said.type === 'output') {
        const text = texts[said.stream].write(Buffer.from(said.data));
        if (text !== '') yield event(said.stream === 'stderr' ? 'stderr' : 'stdout', { text });
      } else if (said.type === 'ended') {
        const exit = exitOf(said.end);
        if (exit === 0) yield event('execution_complete', { execution_time: now() - startedAt });
        else yield failed('CommandExecError', String(exit), `exit status ${exit}`);
        return;
      }
    }
  } catch (error) {
    if (gone.aborted) return;
    const { wireCode, message } = wireError(error);
    yield failed(wireCode, message, message);
  }
}
