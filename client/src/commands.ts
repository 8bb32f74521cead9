import { pathOf } from './address.ts';
import type { Command, CommandRequest, ListCommandsAnswer, SignalRequest, TerminalSize } from './api.ts';
import { type CallOptions, Deadline, pause } from './deadline.ts';
import { ApiError, ConnectionError } from './errors.ts';
import { readEvents, type ServerSentEvent } from './server-sent-events.ts';
import type { Transport } from './transport.ts';

/** How often a connection that brought nothing is made again. */
const reconnections = 5;
/** The service says something at least every 15 seconds. */
const silenceMs = 60_000;

/** What happens in a command, in its order. */
export type CommandEvent =
  /** Its output, as it was written: a character may end in the next event. */
  | { readonly type: 'stdout' | 'stderr' | 'terminal'; readonly data: Uint8Array }
  /** Output that nothing read in time; null: not known how much. */
  | { readonly type: 'gap'; readonly bytes: number | null }
  | {
      readonly type: 'ended';
      readonly reason: string;
      readonly exit_code: number | null;
      readonly signal: string | null;
    }
  /** The last one: paths of the workspace. */
  | { readonly type: 'files'; readonly changed: readonly string[]; readonly deleted: readonly string[] };

export type CommandSignal = SignalRequest['signal'];

/** The commands of one session: programs that run in its sandbox beside its code. */
export class SessionCommands {
  readonly #transport: Transport;
  readonly #base: string;

  constructor(transport: Transport, sessionId: string) {
    this.#transport = transport;
    this.#base = pathOf('sessions', sessionId, 'commands');
  }

  /** Starts one. It goes on when this program ends. */
  start(command: CommandRequest, options: CallOptions = {}): Promise<Command> {
    return this.#transport.json('POST', this.#base, { ...options, json: command });
  }

  /** Those that run and those that ended some minutes ago. */
  async list(options: CallOptions = {}): Promise<Command[]> {
    return (await this.#transport.json<ListCommandsAnswer>('GET', this.#base, options)).data;
  }

  /** @param id of the command, or its pid */
  get(id: string, options: CallOptions = {}): Promise<Command> {
    return this.#transport.json('GET', `${this.#base}${pathOf(id)}`, options);
  }

  /**
   * What it has said and says, until it has ended. A connection that breaks is made again behind the last event.
   * @param after number of an event; only those that follow it
   */
  async *events(
    id: string,
    options: CallOptions & { readonly after?: number } = {},
  ): AsyncGenerator<CommandEvent, void> {
    const { after = 0, timeoutMs, signal } = options;
    const whole = new Deadline(timeoutMs, signal);
    let last = String(after);
    try {
      for (let attempt = 0; ; attempt++) {
        const seen = last;
        try {
          for await (const { id: number, event } of this.#connection(id, last, whole.signal)) {
            last = number ?? last;
            if (event) yield event;
            if (event?.type === 'files') return;
          }
        } catch (error) {
          if (whole.signal.aborted) throw whole.signal.reason;
          if (error instanceof ApiError || attempt >= reconnections) throw error;
        }
        if (last !== seen) attempt = 0;
        if (attempt >= reconnections) throw new ConnectionError('The connection to the command was lost');
        await pause(250 * 2 ** attempt, whole.signal);
      }
    } finally {
      whole.stop();
    }
  }

  /** Writes to its input, all or nothing. */
  async write(id: string, data: string | Uint8Array, options: CallOptions = {}): Promise<void> {
    await this.#send(id, data, {}, options);
  }

  /** Ends its input; on a terminal, as Ctrl-D does. */
  async closeInput(id: string, options: CallOptions = {}): Promise<void> {
    await this.#send(id, '', { close: 'true' }, options);
  }

  /** Sends a signal to its processes. False: it had ended. */
  async signal(id: string, signal: CommandSignal, options: CallOptions = {}): Promise<boolean> {
    const at = `${this.#base}${pathOf(id, 'signal')}`;
    return (await this.#transport.json<{ signalled: boolean }>('POST', at, { ...options, json: { signal } })).signalled;
  }

  async resize(id: string, size: TerminalSize, options: CallOptions = {}): Promise<void> {
    await this.#transport.json('POST', `${this.#base}${pathOf(id, 'terminal')}`, { ...options, json: size });
  }

  /** Ends it by force and forgets it. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.json('DELETE', `${this.#base}${pathOf(id)}`, { ...options, repeatable: true });
  }

  async *#connection(
    id: string,
    last: string,
    signal: AbortSignal,
  ): AsyncGenerator<{ id: string | undefined; event: CommandEvent | undefined }, void> {
    const headers = { accept: 'text/event-stream', 'last-event-id': last };
    const call = { signal, timeoutMs: silenceMs, headers };
    const { response, deadline } = await this.#transport.open('GET', `${this.#base}${pathOf(id)}`, call);
    try {
      if (!response.body) return;
      deadline.restart(silenceMs);
      for await (const said of readEvents(response.body, () => deadline.restart(silenceMs)))
        yield { id: said.id, event: commandEventOf(said) };
    } finally {
      deadline.abort();
    }
  }

  async #send(
    id: string,
    data: string | Uint8Array,
    query: { readonly close?: string },
    options: CallOptions,
  ): Promise<void> {
    const body = typeof data === 'string' ? new TextEncoder().encode(data) : new Uint8Array(data);
    const headers = { 'content-type': 'application/octet-stream' };
    await this.#transport.json('POST', `${this.#base}${pathOf(id, 'stdin')}`, { ...options, headers, body, query });
  }
}

/** Undefined for events of a later version, and for the first one, which tells of the command. */
function commandEventOf({ event, data: text }: ServerSentEvent): CommandEvent | undefined {
  const data = JSON.parse(text);
  switch (event) {
    case 'stdout':
    case 'stderr':
    case 'terminal':
      return { type: event, data: 'text' in data ? new TextEncoder().encode(data.text) : fromBase64(data.base64) };
    case 'gap':
    case 'ended':
    case 'files':
      return { type: event, ...data };
    default:
      return undefined;
  }
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
