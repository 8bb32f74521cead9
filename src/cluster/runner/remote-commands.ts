import { type CommandSignal, DragomanError, type TerminalSize } from '../../core/index.ts';
import type { NumberedEvent } from '../../event-log/index.ts';
import {
  type CommandEnding,
  type CommandOrder,
  type CommandRef,
  type CommandRunner,
  type CommandState,
  type RunnerCommandEvent,
  type SessionRef,
  WorkerGone,
} from '../../runner/index.ts';
import { fromLines } from '../calls/lines.ts';
import type { WorkerCalls } from '../calls/worker-calls.ts';

/** Bytes of input in one question. */
const maxInputText = 128 * 1024;

/** The commands of sessions on workers. With its worker a command is gone: it is not found. */
export class RemoteCommands implements CommandRunner {
  readonly #calls: WorkerCalls;

  constructor(calls: WorkerCalls) {
    this.#calls = calls;
  }

  async start(session: SessionRef, owner: string, order: CommandOrder): Promise<CommandState | null> {
    return orGone(() => this.#calls.call(session.worker, 'command-start', { session, owner, order }), null);
  }

  async list(session: SessionRef): Promise<readonly CommandState[]> {
    return orGone(() => this.#calls.call(session.worker, 'command-list', session), []);
  }

  async *events(
    command: CommandRef,
    after: number,
    signal?: AbortSignal,
  ): AsyncGenerator<NumberedEvent<RunnerCommandEvent>> {
    const read = await found(() =>
      this.#calls.read(command.session.worker, 'command-events', { command, after }, { signal }),
    );
    if (!read) return;
    try {
      yield* fromLines<NumberedEvent<RunnerCommandEvent>>(read.bytes);
    } catch (error) {
      throw error instanceof WorkerGone ? notFound(error) : error;
    }
  }

  last(command: CommandRef): Promise<number> {
    return this.#ask(command, 'command-last', command);
  }

  ended(command: CommandRef): Promise<CommandEnding> {
    return this.#ask(command, 'command-ended', command);
  }

  async write(command: CommandRef, base64: string): Promise<void> {
    // Whole groups of four characters are whole bytes.
    for (let at = 0; at === 0 || at < base64.length; at += maxInputText)
      await this.#ask(command, 'command-write', { command, base64: base64.slice(at, at + maxInputText) });
  }

  closeInput(command: CommandRef): Promise<void> {
    return this.#ask(command, 'command-close-input', command);
  }

  signal(command: CommandRef, signal: CommandSignal): Promise<void> {
    return this.#ask(command, 'command-signal', { command, signal });
  }

  resize(command: CommandRef, size: TerminalSize): Promise<void> {
    return this.#ask(command, 'command-resize', { command, size });
  }

  delete(command: CommandRef): Promise<void> {
    return this.#ask(command, 'command-delete', command);
  }

  #ask<T>({ session }: CommandRef, operation: string, args: unknown): Promise<T> {
    return found(() => this.#calls.call<T>(session.worker, operation, args));
  }
}

function notFound(cause: unknown): DragomanError {
  return new DragomanError('not_found', { message: 'The command is gone with its worker.', cause });
}

async function found<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw error instanceof WorkerGone ? notFound(error) : error;
  }
}

/** What a worker says, or what goes without saying when it is gone. */
export async function orGone<T>(ask: () => Promise<T>, gone: T): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof WorkerGone) return gone;
    throw error;
  }
}
