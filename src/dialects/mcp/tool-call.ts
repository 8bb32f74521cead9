import type { FastifyReply, FastifyRequest } from 'fastify';
import { jsonLength } from '../../core/index.ts';
import { abortOnDisconnect, sendEvents } from '../../http/index.ts';
import type { Caller } from './call.ts';
import type { ToolAnswer } from './content.ts';
import type { InFlight } from './in-flight.ts';
import { errorMessage, metaOf, notificationMessage, RpcError, type RpcRequest, resultMessage } from './json-rpc.ts';
import { resultOf, toolOf } from './methods.ts';
import { refusalOf } from './refusals.ts';
import type { McpServices } from './services.ts';
import { framesOf, Latest } from './stream.ts';

/** A call that takes longer is answered by a stream, which keeps its connection alive. */
const momentMs = 400;
/** Smaller answers are not counted. */
const smallBytes = 64 * 1024;

/** Answers `tools/call`. */
export class ToolCalls {
  readonly #services: McpServices;
  readonly #inFlight: InFlight;

  constructor(services: McpServices, inFlight: InFlight) {
    this.#services = services;
    this.#inFlight = inFlight;
  }

  /** @throws RpcError for what is no call of a tool of ours */
  async answer(caller: Caller, message: RpcRequest, request: FastifyRequest, reply: FastifyReply) {
    const { tool, given } = toolOf(message);
    const gone = abortOnDisconnect(reply);
    const flight = caller.legacy && this.#inFlight.begin(caller.principal, caller.legacy.id, message.id);
    // A legacy client that loses its connection has not cancelled: it may come back for the run.
    const signal = flight ? flight.signal : gone;
    const progress = new Latest<object>();
    const result = this.#result(message, () => {
      request.admit(tool.rateClass);
      return tool.call(this.#services, { caller, signal, report: reporter(message, progress) }, given);
    });
    const answer = result
      .then((value) => {
        if (signal.aborted) return undefined;
        if (value instanceof RpcError) return errorMessage(message.id, value);
        return resultMessage(message.id, resultOf(value, !caller.legacy, this.#services));
      })
      .finally(() => flight?.end());
    if (!tool.isLong || !acceptsStream(request) || (await isReady(answer, gone))) {
      const whole = await answer;
      return whole ? reply.send(whole) : reply.header('content-type', 'text/event-stream').send('');
    }
    return sendEvents(reply, framesOf(this.#accounted(answer, caller, message), progress, gone));
  }

  /** What a call comes to: a result, or an error of ours. Never rejects. */
  async #result({ params: { name } }: RpcRequest, call: () => Promise<ToolAnswer>): Promise<ToolAnswer | RpcError> {
    const { metrics, logger } = this.#services;
    metrics.count('mcp_tool_calls', 'Calls of MCP tools');
    try {
      return await call();
    } catch (error) {
      metrics.count('mcp_tool_refusals', 'Calls of MCP tools that were refused or failed');
      try {
        return refusalOf(error);
      } catch (fault) {
        if (!(error instanceof RpcError)) logger.error({ err: error, tool: name }, 'an MCP tool failed');
        return fault as RpcError;
      }
    }
  }

  /** Counts a large answer until it is read, or refuses it. */
  async #accounted(
    answer: Promise<object | undefined>,
    caller: Caller,
    { id }: RpcRequest,
  ): Promise<object | undefined> {
    const message = await answer;
    const bytes = message ? jsonLength(message) : 0;
    if (bytes <= smallBytes) return message;
    try {
      caller.hold(bytes);
      return message;
    } catch (error) {
      return resultMessage(id, resultOf(refusalOf(error), !caller.legacy, this.#services));
    }
  }
}

/** Reports progress where the client gave a token for it. */
function reporter({ params }: RpcRequest, progress: Latest<object>) {
  const { progressToken } = metaOf(params);
  if (typeof progressToken !== 'string' && typeof progressToken !== 'number') return undefined;
  let last = -1;
  return (value: number, message: string) => {
    if (value <= last) return;
    last = value;
    progress.set(notificationMessage('notifications/progress', { progressToken, progress: value, message }));
  };
}

/** Some clients list one kind alone: then they get that. */
function acceptsStream({ headers: { accept = '' } }: FastifyRequest): boolean {
  return /text\/event-stream/i.test(accept);
}

async function isReady(answer: Promise<unknown>, gone: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(resolve, momentMs, false);
  gone.addEventListener('abort', () => resolve(false), { once: true });
  return Promise.race([answer.then(() => true), promise]).finally(() => clearTimeout(timer));
}
