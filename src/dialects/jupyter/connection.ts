import type { Socket } from '../../http/index.ts';
import type { Outgoing } from './wire.ts';

/** Clients built on the library `websockets` close on a larger message, and their users see only that. */
const smallClientBytes = 1024 * 1024 - 4096;

interface ConnectionParts {
  readonly socket: Socket;
  /** As the client calls itself; undefined: it did not say. */
  readonly sessionId: string | undefined;
  readonly isV1: boolean;
  readonly userAgent: string | undefined;
  /** Counts an execution. @throws DragomanError rate_limited */
  admit(): void;
}

/** One client of a kernel. */
export class Connection {
  readonly sessionId: string | undefined;
  readonly isV1: boolean;
  readonly admit: () => void;
  readonly #socket: Socket;
  readonly #maxBytes: number;

  constructor({ socket, sessionId, isV1, userAgent, admit }: ConnectionParts) {
    this.sessionId = sessionId;
    this.isV1 = isV1;
    this.admit = admit;
    this.#socket = socket;
    this.#maxBytes = /\bwebsockets\/\d/.test(userAgent ?? '') ? smallClientBytes : Number.POSITIVE_INFINITY;
  }

  get isOpen(): boolean {
    return this.#socket.isOpen;
  }

  /** @param smaller makes a message that every client can read of one that is too large for this one */
  send(message: Outgoing, smaller: (message: Outgoing, maxBytes: number) => Outgoing): void {
    const fits = this.#maxBytes === Number.POSITIVE_INFINITY || Buffer.byteLength(message.text()) <= this.#maxBytes;
    const sent = fits ? message : smaller(message, this.#maxBytes);
    this.#socket.send(this.isV1 ? sent.frame() : sent.text());
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }
}
