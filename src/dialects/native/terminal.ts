import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { DragomanError, type Principal, type TerminalSize } from '../../core/index.ts';
import { addSocket, parse, type Socket, type SocketListener } from '../../http/index.ts';
import type { CommandInfo, Commands } from '../../service/index.ts';
import { terminalFrame, terminalQuery } from './command-wire.ts';
import { commandRoutes } from './contract/commands.ts';
import type { NativeServices } from './services.ts';
import { sessionParams } from './wire.ts';

const route = commandRoutes.terminal;
const bounds = { maxMessageBytes: 1024 * 1024, burst: 500, perSecond: 200, maxUnsentBytes: 4 * 1024 * 1024 };
const usualSize: TerminalSize = { columns: 80, rows: 24 };
const maxFrameText = 200;
/** After SIGHUP, for programs to end by themselves. */
const hangUpMs = 2000;

/** Becomes the best shell of the image, with the arguments that follow. */
const shell = 'if command -v bash >/dev/null; then exec bash "$@"; fi; exec sh "$@"';

/** Serves a terminal in a session's sandbox. It ends with its connection. */
export function addTerminal(app: FastifyInstance, { commands }: Pick<NativeServices, 'commands'>): void {
  const { url, rateClass } = route;
  addSocket(
    app,
    { url, rateClass, operation: route },
    async (request) => {
      const { principal, raw } = request;
      const { session_id: id } = parse(sessionParams, request.params);
      const { cols, rows, command: line } = parse(terminalQuery, request.query);
      const info = await commands.start(principal, id, {
        argv: ['/bin/sh', '-c', shell, 'sh', ...(line === undefined ? [] : ['-c', line])],
        terminal: { columns: cols ?? usualSize.columns, rows: rows ?? usualSize.rows },
      });
      const terminal = new Terminal(commands, principal, info);
      // The caller may go before the upgrade, and the upgrade may fail: both close the connection.
      raw.socket.once('close', () => void terminal.end());
      if (raw.socket.destroyed) void terminal.end();
      return (socket) => terminal.join(socket);
    },
    { bounds },
  );
}

/** A command with a terminal, and the one connection it lives for. */
class Terminal {
  readonly #commands: Commands;
  readonly #principal: Principal;
  readonly #info: CommandInfo;
  readonly #gone = new AbortController();

  constructor(commands: Commands, principal: Principal, info: CommandInfo) {
    this.#commands = commands;
    this.#principal = principal;
    this.#info = info;
  }

  join(socket: Socket): SocketListener {
    void this.#follow(socket).catch(() => socket.close(1011, 'The terminal cannot be read.'));
    return {
      message: async (data, isText) => {
        try {
          if (isText) await this.#resize(data);
          else await this.#write(data);
        } catch (error) {
          if (!(error instanceof DragomanError)) throw error;
          socket.send(JSON.stringify({ error: error.message }));
        }
      },
    };
  }

  /** Hangs up, and kills what stays. Never rejects. */
  async end(): Promise<void> {
    if (this.#gone.signal.aborted) return;
    this.#gone.abort();
    const { sessionId, id } = this.#info;
    try {
      if (await this.#commands.signal(this.#principal, sessionId, id, 'SIGHUP'))
        await sleep(hangUpMs, undefined, { ref: false });
      await this.#commands.delete(this.#principal, sessionId, id);
    } catch {
      // It went with its session.
    }
  }

  /** Sends what the terminal shows as fast as the peer reads it, then says how the command ended. */
  async #follow(socket: Socket): Promise<void> {
    const { sessionId, id } = this.#info;
    const events = this.#commands.events(this.#principal, sessionId, id, 0, this.#gone.signal);
    for await (const { event } of events) {
      if (event.type === 'output') socket.send(event.data);
      else if (event.type === 'dropped') socket.send(JSON.stringify({ gap: event.bytes }));
      else if (event.type === 'ended') {
        const { code, reason, signal } = event.end;
        socket.send(JSON.stringify({ exit: code, reason, signal }));
        return socket.close(1000);
      }
      await socket.flushed();
    }
    socket.close(1000);
  }

  async #write(data: Buffer): Promise<void> {
    if (data.length > 0) await this.#commands.write(this.#principal, this.#info.sessionId, this.#info.id, data);
  }

  async #resize(text: Buffer): Promise<void> {
    const { cols, rows } = parse(terminalFrame, readFrame(text));
    const size = { columns: cols, rows };
    await this.#commands.resize(this.#principal, this.#info.sessionId, this.#info.id, size);
  }
}

/** @throws DragomanError invalid_request */
function readFrame(text: Buffer): unknown {
  try {
    if (text.length <= maxFrameText) return JSON.parse(text.toString());
  } catch {}
  throw new DragomanError('invalid_request', { message: 'A text frame is {"cols": number, "rows": number}.' });
}
