import type { Socket as NetSocket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import type { HeldBytes } from '../../core/index.ts';

/** An open WebSocket, as a dialect uses it. */
export interface Socket {
  /** The subprotocol that was agreed on; empty: none. */
  readonly protocol: string;
  readonly isOpen: boolean;
  /** Text is a text frame, bytes are a binary one. A peer that does not read is cut off; what is sent after that is dropped. */
  send(data: string | Uint8Array): void;
  /** Resolves when nothing that was sent waits any more, or the socket is closed. */
  flushed(): Promise<void>;
  /** Says goodbye; the peer has some seconds to answer. */
  close(code: number, reason?: string): void;
}

/** What a dialect does with a socket. */
export interface SocketListener {
  /**
   * Takes one message. The next one is read when what this returns is settled, so a handler that waits slows its peer. A fault
   * closes the socket with 1011.
   */
  message(data: Buffer, isText: boolean): void | Promise<void>;
  /** The socket is closed, however that came. */
  closed?(): void;
}

export interface SocketBounds {
  /** A larger message closes the socket with 1009. */
  readonly maxMessageBytes: number;
  /** Messages that may come at once, and how many more each second: a faster peer is read more slowly. */
  readonly burst: number;
  readonly perSecond: number;
  /** Bytes that may wait to be read by the peer. */
  readonly maxUnsentBytes: number;
  /** How long the peer may leave what is sent unread, in milliseconds. */
  readonly unreadMs: number;
  /** A peer that says nothing for so long, and answers no ping, is cut off. */
  readonly silentMs: number;
}

interface BoundedSocketParts {
  readonly ws: WebSocket;
  /** Below the WebSocket. */
  readonly connection: NetSocket;
  readonly owner: string;
  readonly bounds: SocketBounds;
  /** Bytes that came and are no whole message yet, and bytes that wait to be sent: shared by all sockets. */
  readonly incoming: HeldBytes;
  readonly outgoing: HeldBytes;
  readonly clock: () => number;
}

/** Statuses of RFC 6455. */
export const closing = { goingAway: 1001, policy: 1008, tooLarge: 1009, fault: 1011, restart: 1012 } as const;

/** One WebSocket under bounds: what it may send, how fast, and how slowly it may read. */
export class BoundedSocket implements Socket {
  readonly protocol: string;
  readonly #parts: BoundedSocketParts;
  readonly #listener: SocketListener;
  /** When each write that is not done yet was begun: writes are done in order. */
  readonly #unsent: { at: number; bytes: number }[] = [];
  #unsentBytes = 0;
  /** They wait for all that was sent. */
  readonly #flushWaiters: (() => void)[] = [];
  /** Bytes of the message that is arriving. */
  #arriving = 0;
  #readMark: number;
  #tokens: number;
  #filledAt: number;
  #heardAt: number;
  /** Why nothing is read now: the listener is at work, or the peer was too fast. */
  #pauses = 0;
  /** Messages that were read before the pause began. */
  readonly #waiting: { readonly data: Buffer; readonly isText: boolean }[] = [];

  /** Calls `listener` from now on; `gone` when all is over. */
  constructor(parts: BoundedSocketParts, listen: (socket: Socket) => SocketListener, gone: () => void) {
    const { ws, connection, bounds, clock } = parts;
    this.#parts = parts;
    this.protocol = ws.protocol;
    this.#tokens = bounds.burst;
    this.#filledAt = this.#heardAt = clock();
    this.#readMark = connection.bytesRead;
    ws.on('error', () => ws.terminate());
    ws.on('ping', () => this.#heard());
    ws.on('pong', () => this.#heard());
    const count = () => this.#arrived(connection.bytesRead - this.#readMark);
    connection.on('data', count);
    this.#listener = listen(this);
    ws.on('message', (data: RawData, isBinary: boolean) => this.#take(data as Buffer, !isBinary));
    ws.once('close', () => {
      connection.off('data', count);
      this.#release();
      gone();
      this.#listener.closed?.();
    });
  }

  get isOpen(): boolean {
    return this.#parts.ws.readyState === this.#parts.ws.OPEN;
  }

  send(data: string | Uint8Array): void {
    const { ws, bounds, owner, outgoing, clock } = this.#parts;
    if (!this.isOpen) return;
    const bytes = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
    if (this.#unsentBytes + bytes > bounds.maxUnsentBytes && this.#unsent.length > 0) return void ws.terminate();
    try {
      outgoing.take(owner, bytes);
    } catch {
      return void ws.terminate();
    }
    this.#unsentBytes += bytes;
    this.#unsent.push({ at: clock(), bytes });
    ws.send(data, () => this.#sent());
  }

  async flushed(): Promise<void> {
    if (this.#unsent.length > 0) await new Promise<void>((resolve) => this.#flushWaiters.push(resolve));
  }

  close(code: number, reason = ''): void {
    this.#parts.ws.close(code, reason.slice(0, 100));
  }

  /** Ends it at once. */
  terminate(): void {
    this.#parts.ws.terminate();
  }

  /** Asks the peer whether it is there, and cuts off one that was silent or has not read for too long. */
  check(): void {
    const { ws, bounds, clock } = this.#parts;
    const now = clock();
    const [oldest] = this.#unsent;
    if (oldest && now - oldest.at > bounds.unreadMs) return void ws.terminate();
    // While nothing is read, no answer to a ping is heard either.
    if (this.#pauses === 0 && now - this.#heardAt > bounds.silentMs) return void ws.terminate();
    if (this.isOpen && this.#unsent.length === 0) ws.ping();
  }

  #take(data: Buffer, isText: boolean): void {
    const { ws, bounds, owner, incoming } = this.#parts;
    this.#heard();
    if (!this.isOpen) return;
    if (data.length > bounds.maxMessageBytes) return void ws.close(closing.tooLarge, 'The message is too large.');
    if (this.#pauses === 0) return void this.#handle(data, isText);
    // It came in one piece with those before it, so it was read already.
    try {
      incoming.take(owner, heldFor(data));
      this.#waiting.push({ data, isText });
    } catch {
      ws.terminate();
    }
  }

  #handle(data: Buffer, isText: boolean): void {
    const { ws } = this.#parts;
    this.#slow();
    try {
      const handled = this.#listener.message(data, isText);
      if (!handled) return;
      this.#pause();
      handled.then(
        () => this.#resume(),
        () => ws.close(closing.fault),
      );
    } catch {
      ws.close(closing.fault);
    }
  }

  /** Counts a message, and reads no further for a moment when there were too many. */
  #slow(): void {
    const { bounds, clock } = this.#parts;
    const now = clock();
    this.#tokens = Math.min(bounds.burst, this.#tokens + ((now - this.#filledAt) / 1000) * bounds.perSecond) - 1;
    this.#filledAt = now;
    if (this.#tokens >= 0) return;
    this.#pause();
    setTimeout(() => this.#resume(), Math.ceil((-this.#tokens / bounds.perSecond) * 1000)).unref();
  }

  #pause(): void {
    if (this.#pauses++ === 0) this.#parts.ws.pause();
  }

  #resume(): void {
    const { ws, owner, incoming, clock } = this.#parts;
    this.#pauses--;
    while (this.#pauses === 0 && this.#waiting.length > 0) {
      const { data, isText } = this.#waiting.shift()!;
      incoming.give(owner, heldFor(data));
      if (this.isOpen) this.#handle(data, isText);
    }
    if (this.#pauses > 0) return;
    this.#heardAt = clock();
    ws.resume();
  }

  /** A whole frame has come. */
  #heard(): void {
    const { owner, incoming, connection, clock } = this.#parts;
    this.#heardAt = clock();
    incoming.give(owner, this.#arriving);
    this.#arriving = 0;
    this.#readMark = connection.bytesRead;
  }

  #arrived(bytes: number): void {
    const { ws, owner, incoming } = this.#parts;
    if (bytes <= this.#arriving) return;
    try {
      incoming.take(owner, bytes - this.#arriving);
      this.#arriving = bytes;
    } catch {
      ws.terminate();
    }
  }

  #sent(): void {
    const done = this.#unsent.shift();
    if (!done) return;
    this.#unsentBytes -= done.bytes;
    this.#parts.outgoing.give(this.#parts.owner, done.bytes);
    if (this.#unsent.length > 0) return;
    for (const resolve of this.#flushWaiters.splice(0)) resolve();
  }

  #release(): void {
    this.#heard();
    while (this.#unsent.length > 0) this.#sent();
    for (const { data } of this.#waiting.splice(0)) this.#parts.incoming.give(this.#parts.owner, heldFor(data));
  }
}

/** What a message takes in memory while it waits, about. */
function heldFor(data: Buffer): number {
  return data.length + 256;
}
