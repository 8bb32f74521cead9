import { createReadStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DragomanError } from '../../core/index.ts';
import { HttpSender, type IncomingFile, receiveInto, type SignedRequest, textOf } from '../../stores/index.ts';

const attempts = 4;
/** A server that refuses for the moment, or has lost its connection, is asked again after so long; then after twice that. */
const againMs = 200;

/** What became of a PUT: the bytes are stored, or equal ones were there before. */
export type PutEnd = 'stored' | 'there';

/** A content with the bytes of which it is sent: in memory, or the path of a file. */
export interface StagedContent {
  readonly size: number;
  readonly content: Uint8Array | string;
}

/** Moves bytes by signed requests. What fails for the moment is tried again; a request whose time is over is not. */
export class Transfers {
  readonly #sender = new HttpSender();

  /**
   * Reads a content into a file. Where it is not what was asked for, nothing is left.
   * @throws DragomanError not_found, storage_unavailable
   */
  async get(
    request: SignedRequest,
    digest: string,
    makeFile: () => IncomingFile,
  ): Promise<{ readonly file: IncomingFile; readonly size: number }> {
    return this.#again(async () => {
      const answer = await this.#sender.send({ method: 'GET', ...request });
      if (answer.statusCode === 404) {
        await textOf(answer);
        throw new DragomanError('not_found', { message: 'The content is gone.' });
      }
      if (answer.statusCode !== 200) throw new Refused(answer.statusCode ?? 0, await textOf(answer));
      const file = makeFile();
      const told = Number(answer.headers['content-length'] ?? Number.MAX_SAFE_INTEGER);
      const received = await receiveInto(file, answer, told);
      if (received.digest === digest) return { file, size: received.size };
      await file.discard();
      throw new Error('it sent other bytes');
    });
  }

  /** @throws DragomanError storage_unavailable */
  async put(request: SignedRequest, { size, content }: StagedContent): Promise<PutEnd> {
    return this.#again(async () => {
      const body = content instanceof Uint8Array ? content : () => createReadStream(content);
      const headers = { ...request.headers, 'content-length': String(size) };
      const answer = await this.#sender.send({ method: 'PUT', url: request.url, headers, body });
      const text = await textOf(answer);
      const { statusCode = 0 } = answer;
      if (statusCode === 412) return 'there';
      if (statusCode >= 200 && statusCode < 300) return 'stored';
      throw new Refused(statusCode, text);
    });
  }

  close(): void {
    this.#sender.close();
  }

  async #again<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (error instanceof DragomanError && error.code !== 'storage_unavailable') throw error;
        const isFinal = error instanceof Refused && error.status < 500 && error.status !== 429 && error.status !== 409;
        if (isFinal || attempt === attempts) throw new DragomanError('storage_unavailable', { cause: error });
        await sleep(againMs * 2 ** (attempt - 1));
      }
    }
  }
}

/** The server of bytes has refused a request. */
class Refused extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(`the server of bytes answers with ${status}: ${text.slice(0, 300)}`);
    this.name = 'Refused';
    this.status = status;
  }
}
