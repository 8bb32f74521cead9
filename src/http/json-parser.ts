import { Worker } from 'node:worker_threads';
import sjson from 'secure-json-parse';
import { DragomanError, isCheapJson, turnOf } from '../core/index.ts';

/** Larger texts are parsed in a thread of their own: on the event loop 32 MiB take half a second. */
const largeBytes = 512 * 1024;
/** Larger ones are parsed one in each turn of the event loop: many values of many bodies take long together. */
const smallBytes = 32 * 1024;
/** A text of the largest size takes a second or two on a busy machine. */
const deadlineMs = 30_000;

export type Parsed = { readonly value: unknown } | { readonly refused: 'costly' | 'invalid' };

/**
 * Parses a text that a client sent. Keys that could poison a prototype are left out. It may be used in any thread.
 * @param json UTF-8
 */
export function parseUntrusted(json: Buffer): Parsed {
  if (!isCheapJson(json)) return { refused: 'costly' };
  try {
    return { value: sjson.parse(json.toString('utf8'), { protoAction: 'remove', constructorAction: 'remove' }) };
  } catch {
    return { refused: 'invalid' };
  }
}

/** Whether it takes no time to parse. */
export function isSmallJson(json: Buffer): boolean {
  return json.length <= smallBytes;
}

/** The value of a text that is small. @throws DragomanError invalid_request */
export function parseSmall(json: Buffer): unknown {
  return parsedValue(parseUntrusted(json));
}

function parsedValue(parsed: Parsed): unknown {
  if ('value' in parsed) return parsed.value;
  const message =
    parsed.refused === 'costly' ? 'The body has too many values, or too deep ones.' : 'The body is not valid JSON.';
  throw new DragomanError('invalid_request', { message });
}

/** Parses JSON bodies, large ones in a thread that starts with the first of them. */
export class JsonParser {
  #worker: Worker | undefined;
  #number = 0;
  readonly #waiting = new Map<number, PromiseWithResolvers<Parsed>>();

  /**
   * @param owner who sent it
   * @throws DragomanError invalid_request for what is no JSON, or costly to parse
   */
  async parse(json: Buffer, owner: string): Promise<unknown> {
    if (isSmallJson(json)) return parseSmall(json);
    if (json.length > largeBytes) return parsedValue(await this.#elsewhere(json));
    await turnOf(owner);
    return parsedValue(parseUntrusted(json));
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  async #elsewhere(json: Buffer): Promise<Parsed> {
    this.#worker ??= this.#start();
    const number = this.#number++;
    const answer = Promise.withResolvers<Parsed>();
    this.#waiting.set(number, answer);
    const timer = setTimeout(() => answer.reject(new DragomanError('overloaded')), deadlineMs);
    // Handed over, not copied, when the memory is the body's own.
    const own = json.buffer.byteLength === json.byteLength ? [json.buffer as ArrayBuffer] : [];
    this.#worker.postMessage({ number, json }, own);
    try {
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(number);
    }
  }

  #start(): Worker {
    const worker = new Worker(new URL('./json-worker.ts', import.meta.url));
    worker.unref();
    worker.on('message', ({ number, parsed }: { number: number; parsed: Parsed }) =>
      this.#waiting.get(number)?.resolve(parsed),
    );
    const lost = (cause: unknown) => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const { reject } of this.#waiting.values()) reject(new DragomanError('internal', { cause }));
    };
    worker.on('error', lost).on('exit', () => lost(new Error('the thread that parses JSON ended')));
    return worker;
  }
}
