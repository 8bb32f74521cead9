import type { HeldBytes } from '../../core/index.ts';
import type { Outgoing } from './wire.ts';

/** What a client that left may find when it comes back: so many bytes, for so long. */
const maxBytes = 8 * 1024 * 1024;
const keptMs = 10 * 60_000;
/** Clients of one kernel that may be awaited. */
const maxClients = 8;

/** What all of them together may keep. */
export const missedLimits = { perPrincipal: 32 * 1024 * 1024, total: 128 * 1024 * 1024 };

interface Client {
  readonly leftAt: number;
  messages: { readonly message: Outgoing; readonly bytes: number }[];
  bytes: number;
}

/** Messages for clients of a kernel that are gone and may come back, by their session id. */
export class Missed {
  readonly #held: HeldBytes;
  readonly #owner: string;
  readonly #now: () => number;
  readonly #clients = new Map<string, Client>();

  constructor(held: HeldBytes, owner: string, now: () => number) {
    this.#held = held;
    this.#owner = owner;
    this.#now = now;
  }

  /** From now on messages are kept for it. */
  begin(sessionId: string): void {
    this.dropOld();
    if (this.#clients.size >= maxClients) this.#drop(this.#clients.keys().next().value!);
    if (!this.#clients.has(sessionId)) this.#clients.set(sessionId, { leftAt: this.#now(), messages: [], bytes: 0 });
  }

  /** Keeps a message for one client that is gone, or for all of them. Streams go first where there is no room, then the oldest. */
  add(message: Outgoing, sessionId?: string): void {
    if (this.#clients.size === 0) return;
    this.dropOld();
    const bytes = Buffer.byteLength(message.text()) * 2;
    for (const [id, client] of this.#clients) {
      if (sessionId !== undefined && id !== sessionId) continue;
      while (client.bytes + bytes > maxBytes && client.messages.length > 0) this.#dropFrom(client);
      if (client.bytes + bytes > maxBytes) continue;
      try {
        this.#held.take(this.#owner, bytes);
      } catch {
        continue;
      }
      client.messages.push({ message, bytes });
      client.bytes += bytes;
    }
  }

  /** What a client has missed, in order; it is kept no longer. */
  take(sessionId: string): Outgoing[] {
    const messages = this.#clients.get(sessionId)?.messages.map(({ message }) => message) ?? [];
    this.#drop(sessionId);
    return messages;
  }

  dropOld(): void {
    for (const [id, { leftAt }] of this.#clients) if (this.#now() - leftAt > keptMs) this.#drop(id);
  }

  clear(): void {
    for (const id of [...this.#clients.keys()]) this.#drop(id);
  }

  #dropFrom(client: Client): void {
    const stream = client.messages.findIndex(({ message }) => message.type === 'stream');
    const [gone] = client.messages.splice(Math.max(0, stream), 1);
    client.bytes -= gone!.bytes;
    this.#held.give(this.#owner, gone!.bytes);
  }

  #drop(id: string): void {
    const client = this.#clients.get(id);
    if (client) this.#held.give(this.#owner, client.bytes);
    this.#clients.delete(id);
  }
}
