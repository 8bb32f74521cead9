import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DragomanError, type Logger } from '../../../core/index.ts';
import { hasCode } from '../../faults.ts';
import type { Bytes } from '../bytes.ts';
import { type ByteRight, rightOf } from './signature.ts';

/** A client that moves nothing for so long is given up; a whole request may take longer. */
const silenceMs = 30_000;
const headersMs = 10_000;
const requestMs = 600_000;
/** Connections at once, of all clients. */
const maxConnections = 1024;
/** A proof is asked for once its execution has ended: within the life of a hold. */
const proofLifeMs = 2 * 3_600_000;
const proofSweepMs = 10 * 60_000;

export interface ByteServerOptions {
  /** Has been started. */
  readonly bytes: Bytes;
  /** Where proofs are kept; made if it is missing. */
  readonly directory: string;
  /** What gateways sign with. */
  readonly secret: Uint8Array;
  readonly logger: Logger;
  readonly now: () => number;
}

/**
 * Serves bytes over HTTP to clients whose requests a gateway has signed: each names one digest and is good for one method until a moment.
 * It decides nothing itself. A body is stored only when it has exactly the signed length and digest.
 */
export class ByteServer {
  readonly #options: ByteServerOptions;
  readonly #server: Server;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ByteServerOptions) {
    this.#options = options;
    const limits = { headersTimeout: headersMs, requestTimeout: requestMs, maxHeaderSize: 8192 };
    this.#server = createServer(limits, (request, response) => void this.#answer(request, response));
    this.#server.maxConnections = maxConnections;
    this.#server.setTimeout(silenceMs, (socket) => socket.destroy());
  }

  async start(host: string, port: number): Promise<{ host: string; port: number }> {
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, host, () => resolve());
    });
    this.#timer = setInterval(() => void this.#sweepProofs().catch(() => {}), proofSweepMs).unref();
    return { host, port: (this.#server.address() as AddressInfo).port };
  }

  /** Takes no new requests, and gives those under way some seconds. */
  async close(graceMs: number): Promise<void> {
    clearInterval(this.#timer);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(timer);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (request.method === 'GET' && request.url === '/health') return end(response, 200);
      const right = rightOf(request.method ?? '', request.url ?? '', this.#options.secret, this.#options.now());
      if (!right) return end(response, 403, 'This request is not signed, or its time is over.');
      await this.#serve(right, request, response);
    } catch (error) {
      if (response.headersSent || response.destroyed) return void response.destroy();
      if (error instanceof DragomanError && error.code === 'not_found') return end(response, 404);
      if (error instanceof DragomanError && error.code === 'too_large') return end(response, 400, 'Too many bytes.');
      if (request.destroyed && !request.complete) return void response.destroy();
      this.#options.logger.error({ error: String((error as Error).cause ?? error) }, 'bytes could not be served');
      end(response, 503);
    }
  }

  async #serve(right: ByteRight, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { bytes } = this.#options;
    switch (right.do) {
      case 'read':
        return this.#read(right.digest, request, response);
      case 'size': {
        const size = await bytes.size(right.digest);
        return size === undefined ? end(response, 404) : end(response, 200, '', { 'x-size': String(size) });
      }
      case 'store':
        return this.#store(right, request, response);
      case 'delete':
        await bytes.delete([right.digest]);
        return end(response, 204);
      case 'received': {
        const isProven = (await this.#proofOf(right.hold)) === proofText(right);
        return end(response, isProven && (await bytes.size(right.digest)) === right.size ? 200 : 404);
      }
      case 'forget':
        await rm(this.#proofPath(right.hold), { force: true });
        return end(response, 204);
    }
  }

  async #read(digest: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { bytes } = this.#options;
    const range = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(request.headers.range ?? '');
    const size = await bytes.size(digest);
    if (size === undefined) return end(response, 404);
    const [start, last] = range ? [Number(range[1]), Number(range[2])] : [0, size - 1];
    if (range && (start > last || last >= size)) return end(response, 416);
    const content = await bytes.open(digest, range ? { start, end: last } : undefined);
    response.writeHead(range ? 206 : 200, { 'content-length': last - start + 1 });
    // A reader that takes a byte now and then would hold its connection for ever.
    await pipeline(content, response, { signal: AbortSignal.timeout(requestMs) });
  }

  /** A client with a hold shows by its body that it has the bytes, also where they are stored already. */
  async #store(right: ByteRight & { do: 'store' }, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { bytes } = this.#options;
    if (request.headers['content-length'] !== String(right.size)) return refuse(request, response, 'Another length.');
    const received = await bytes.receive(request, right.size);
    try {
      if (received.digest !== right.digest || received.size !== right.size)
        return end(response, 400, 'The body has another digest.');
      await received.keep();
      if (right.hold !== null) await writeFile(this.#proofPath(right.hold), proofText(right), { mode: 0o600 });
      end(response, 200);
    } finally {
      await received.discard();
    }
  }

  #proofPath(hold: string): string {
    return join(this.#options.directory, hold);
  }

  async #proofOf(hold: string): Promise<string | undefined> {
    try {
      return await readFile(this.#proofPath(hold), 'utf8');
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  async #sweepProofs(): Promise<void> {
    const { directory, now } = this.#options;
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      const { mtimeMs } = await stat(path);
      if (mtimeMs < now() - proofLifeMs) await rm(path, { force: true });
    }
  }
}

const proofText = ({ digest, size }: { digest: string; size: number }) => `${digest} ${size}`;

function refuse(request: IncomingMessage, response: ServerResponse, text: string): void {
  request.resume();
  end(response, 400, text);
}

function end(response: ServerResponse, status: number, text = '', headers: Record<string, string> = {}): void {
  // A body that is not read would hold the connection.
  const close = status >= 400 ? { connection: 'close' } : {};
  response.writeHead(status, {
    ...close,
    ...headers,
    'content-type': 'text/plain',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
