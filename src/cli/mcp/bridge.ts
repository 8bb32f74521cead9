import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { isModern, type Message, type ServiceLink, Unreachable } from './service-link.ts';

export interface BridgeOptions {
  readonly link: ServiceLink;
  /** Gets messages alone, one a line. */
  readonly output: Writable;
  /** Of the program. */
  readonly version: string;
  /** What a user is told when the service does not answer. */
  readonly whereToLook: string;
}

/**
 * Carries messages between the streams of a host and the service. A host that has started a program shows no reason when it fails,
 * so the bridge answers without the service what it can, and the rest with a sentence.
 */
export class Bridge {
  readonly #options: BridgeOptions;
  readonly #underWay = new Map<string | number, { readonly message: Message; readonly controller: AbortController }>();
  readonly #carrying = new Set<Promise<void>>();

  constructor(options: BridgeOptions) {
    this.#options = options;
  }

  /** Carries what the host says until it ends its stream. */
  async read(input: Readable): Promise<void> {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line.trim() === '') continue;
      const carrying = this.#carry(line).finally(() => this.#carrying.delete(carrying));
      this.#carrying.add(carrying);
    }
  }

  /** Cancels what is under way and ends the session. */
  async close(): Promise<void> {
    await Promise.all([...this.#underWay.keys()].map((id) => this.#cancel(id)));
    await Promise.all(this.#carrying);
    await this.#options.link.close();
  }

  async #carry(line: string): Promise<void> {
    const message = messageOf(line);
    if ('refused' in message) return this.#say({ id: null, error: message.refused });
    const { id, method, params } = message;
    if (method === 'notifications/cancelled') return this.#cancel(params?.requestId);
    if (id === undefined || method === undefined) {
      for await (const _ of this.#options.link.send(message)) {
        // A notification has no answer.
      }
      return;
    }
    const controller = new AbortController();
    this.#underWay.set(id, { message, controller });
    try {
      let isAnswered = false;
      for await (const text of this.#options.link.send(message, controller.signal)) {
        if (controller.signal.aborted) return;
        isAnswered ||= isAnswer(text);
        await this.#write(text);
      }
      if (!isAnswered && !controller.signal.aborted) throw new Unreachable('the answer is incomplete');
    } catch (error) {
      if (!controller.signal.aborted) await this.#say(await this.#withoutService(message, error));
    } finally {
      if (this.#underWay.get(id)?.controller === controller) this.#underWay.delete(id);
    }
  }

  /** A request that is cancelled has no answer. The stateless revision cancels by hanging up. */
  async #cancel(id: unknown): Promise<void> {
    const request = this.#underWay.get(id as string | number);
    if (!request) return;
    const { message, controller } = request;
    if (isModern(message)) return controller.abort();
    try {
      for await (const _ of this.#options.link.send({ method: 'notifications/cancelled', params: { requestId: id } })) {
        // It has no answer.
      }
    } catch {
      // Then there is nothing to cancel.
    }
    controller.abort();
  }

  async #withoutService(message: Message, error: unknown): Promise<object> {
    const { offlineAnswer } = await import('../../dialects/index.ts');
    const { whereToLook, version } = this.#options;
    const { isRefused = false } = error instanceof Unreachable ? error : {};
    const reason = isRefused ? keyRefused : whereToLook;
    process.stderr.write(`dragoman mcp: ${reason}\n`);
    return offlineAnswer(message, { reason, version });
  }

  #say(message: object): Promise<void> {
    return this.#write(JSON.stringify({ jsonrpc: '2.0', ...message }));
  }

  async #write(text: string): Promise<void> {
    const { output } = this.#options;
    if (output.destroyed || output.write(`${text}\n`)) return;
    await once(output, 'drain').catch(() => {});
  }
}

const keyRefused =
  'Dragoman does not accept the key. Set DRAGOMAN_API_KEY to one that "dragoman keys create" has made.';

/** The message of a line, or the error that answers it: the same as the service has for a body. */
function messageOf(line: string): Message | { readonly refused: { readonly code: number; readonly message: string } } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { refused: { code: -32700, message: 'The line is not valid JSON.' } };
  }
  if (Array.isArray(value))
    return { refused: { code: -32600, message: 'Send one message a line: there are no batches.' } };
  const isMessage =
    typeof value === 'object' && value !== null && ('method' in value || 'result' in value || 'error' in value);
  return isMessage
    ? (value as Message)
    : { refused: { code: -32600, message: 'The line is no JSON-RPC 2.0 message.' } };
}

/** Whether a message from the service is an answer; notifications come before it. */
function isAnswer(text: string): boolean {
  return !/^\{"jsonrpc":"2\.0","method":/.test(text);
}
