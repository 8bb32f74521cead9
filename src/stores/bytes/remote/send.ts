import { Agent, type IncomingMessage, request as plainRequest } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Requests of one process at once; others wait. */
const maxSockets = 64;
/** A server that neither takes nor sends anything for so long is given up. */
const silenceMs = 30_000;

export interface HttpCall {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Its length is among the headers where it is a stream. */
  readonly body?: Uint8Array | (() => Readable) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Sends requests whose bodies are streams. Follows no redirect: a signed request has one address. */
export class HttpSender {
  readonly #plain = new Agent({ keepAlive: true, maxSockets, timeout: silenceMs });
  readonly #secure = new SecureAgent({ keepAlive: true, maxSockets, timeout: silenceMs });

  /** The answer, whose body the caller reads or destroys. @throws Error when there is none; what the body throws */
  async send({ method, url, headers, body, signal }: HttpCall): Promise<IncomingMessage> {
    const isSecure = url.startsWith('https:');
    const request = (isSecure ? secureRequest : plainRequest)(url, {
      ...{ method, headers, agent: isSecure ? this.#secure : this.#plain },
      ...(signal === undefined ? {} : { signal }),
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve).once('error', reject);
    });
    request.setTimeout(silenceMs, () => request.destroy(new Error(`the server was silent for ${silenceMs / 1000} s`)));
    // A server that refuses may answer before it has taken the whole body, and then hang up: its answer counts.
    answered.catch(() => {});
    if (body === undefined) request.end();
    else if (body instanceof Uint8Array) request.end(body);
    else {
      const sent = pipeline(body(), request);
      await Promise.race([sent, answered]).catch(async (error) => {
        // The answer may be in the socket still.
        const answer = await Promise.race([answered.catch(() => undefined), soon()]);
        if (!answer) throw error;
      });
    }
    return answered;
  }

  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }
}

/** Reads an answer to its end, which frees its connection; at most `maxBytes` of it are kept. */
export async function textOf(answer: IncomingMessage, maxBytes = 4096): Promise<string> {
  let text = '';
  answer.setEncoding('utf8');
  for await (const part of answer) if (text.length < maxBytes) text += part;
  return text.slice(0, maxBytes);
}

const soon = () => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 100).unref());
