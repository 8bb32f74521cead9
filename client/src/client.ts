import { pathOf } from './address.ts';
import type { Execution, Language, ListLanguagesAnswer, ReadUsageQuery, Usage } from './api.ts';
import { type AskEvent, type AskRequest, ask } from './ask.ts';
import type { CallOptions } from './deadline.ts';
import { type RunningExecution, type RunOptions, startExecution } from './execution.ts';
import { bodyOf, type Code } from './session.ts';
import { Sessions } from './sessions.ts';
import { Transport, type TransportOptions } from './transport.ts';

/** A Dragoman service. Making this object asks the service nothing. */
export class Dragoman {
  readonly sessions: Sessions;
  readonly #transport: Transport;

  /** @throws TypeError when the address is none */
  constructor(options: TransportOptions) {
    this.#transport = new Transport(options);
    this.sessions = new Sessions(this.#transport);
  }

  /** Runs code in a session of its own and waits for its end. The files it makes are stored under its `session_id`. */
  async run(code: Code, options: RunOptions = {}): Promise<Execution> {
    return (await this.start(code, options)).result();
  }

  /** Runs code in a session of its own and hands out its events as they happen. */
  start(code: Code, options: RunOptions = {}): Promise<RunningExecution> {
    return startExecution(this.#transport, '/executions', bodyOf(code, options), options);
  }

  /** An execution the service still remembers, however far it is. */
  async execution(id: string, options: CallOptions = {}): Promise<Execution | { readonly status: string }> {
    return this.#transport.json('GET', pathOf('executions', id), options);
  }

  /** Lets a model answer, which may run code. */
  ask(request: AskRequest, options: CallOptions = {}): AsyncGenerator<AskEvent, void> {
    return ask(this.#transport, request, options);
  }

  /** The languages of the service's image. */
  async languages(options: CallOptions = {}): Promise<Language[]> {
    return (await this.#transport.json<ListLanguagesAnswer>('GET', '/languages', options)).languages;
  }

  /** What the caller's key has used, by day, and what it has stored. */
  usage(query: ReadUsageQuery = {}, options: CallOptions = {}): Promise<Usage> {
    return this.#transport.json('GET', '/usage', { ...options, query: { ...query } });
  }
}
