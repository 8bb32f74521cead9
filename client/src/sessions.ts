import type { ListSessionsAnswer, ListSessionsQuery, Session as SessionRecord, SessionRequest } from './api.ts';
import type { CallOptions } from './deadline.ts';
import { Session } from './session.ts';
import type { Transport } from './transport.ts';

/** The caller's sessions. */
export class Sessions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Begins one. It costs nothing until code runs in it. */
  async create(request: SessionRequest = {}, options: CallOptions = {}): Promise<Session> {
    const { id } = await this.#transport.json<SessionRecord>('POST', '/sessions', { ...options, json: request });
    return new Session(this.#transport, id);
  }

  /**
   * One that is there. Asks the service nothing: an id that it does not know shows with its first use.
   * @throws PathError for an id that no session can have
   */
  open(id: string): Session {
    return new Session(this.#transport, id);
  }

  /** One page of them, the newest first unless said otherwise. */
  page(query: ListSessionsQuery = {}, options: CallOptions = {}): Promise<ListSessionsAnswer> {
    return this.#transport.json('GET', '/sessions', { ...options, query: { ...query } });
  }

  /** All of them, page by page. */
  async *list(query: ListSessionsQuery = {}, options: CallOptions = {}): AsyncGenerator<SessionRecord, void> {
    let after = query.after;
    for (;;) {
      const { data, has_more } = await this.page(
        { limit: 100, ...query, ...(after === undefined ? {} : { after }) },
        options,
      );
      yield* data;
      after = data.at(-1)?.id;
      if (!has_more || after === undefined) return;
    }
  }
}
