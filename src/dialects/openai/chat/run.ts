import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AgentEvent, Message } from '../../../agent/index.ts';
import { DragomanError, type Principal } from '../../../core/index.ts';
import { abortOnDisconnect, type DialectContext } from '../../../http/index.ts';
import { newWireId, seconds } from '../ids.ts';
import { type MessageFile, RequestContainer } from '../request-container.ts';
import { upstreamKey } from '../upstream-key.ts';
import { Answer } from './answer.ts';
import { toConversation } from './messages.ts';
import { modelSettings, toolsOf } from './request.ts';
import { findSteps, keepSteps } from './steps.ts';
import type { ChatBody, ChatCodeTool, CodeCall } from './wire.ts';

type End = Extract<AgentEvent, { type: 'end' }>;

/** How an answer ended, and what is told of the code behind it. */
export interface Ending {
  readonly end: Exclude<End['end'], { reason: 'failed' | 'cancelled' }>;
  readonly usage: End['usage'];
  readonly model: string;
  readonly codeCalls: readonly CodeCall[];
}

/** One request being answered. */
export class ChatRun {
  readonly id = newWireId('completion');
  readonly created: number;
  readonly answer = new Answer();
  readonly #context: DialectContext;
  readonly #principal: Principal;
  readonly #container: RequestContainer;
  readonly #events: AsyncIterator<AgentEvent>;

  /** @throws WireError, DragomanError for a request that cannot be served */
  static async begin(
    context: DialectContext,
    request: FastifyRequest,
    reply: FastifyReply,
    body: ChatBody,
  ): Promise<ChatRun> {
    const { principal } = request;
    const { code, functions, choice } = toolsOf(body);
    const conversation = await toConversation(body.messages, {
      findSteps: (callId) => findSteps(context, principal, callId),
      takesFiles: code !== undefined,
    });
    const container = new RequestContainer({
      context,
      principal,
      idleMs: code?.sandbox_timeout_ms ?? undefined,
      container: typeof code?.container === 'string' ? code.container : undefined,
      earlier: conversation.earlier,
      files: code ? [...filesOf(body, code), ...conversation.files] : [],
    });
    const files = code ? await container.prepare() : [];
    const events = context.agent.run(
      principal,
      {
        ...modelSettings(body),
        messages: conversation.messages,
        code: code && {
          session: () => container.session(),
          files,
          wallMs: wallMsOf(code),
          maxCalls: undefined,
          shown: 'json',
        },
        functions,
        toolChoice:
          typeof choice === 'object' && choice.type === 'code' && hasRun(conversation.messages) ? 'auto' : choice,
        upstreamKey: upstreamKey(request),
      },
      abortOnDisconnect(reply),
    );
    return new ChatRun(context, principal, container, events[Symbol.asyncIterator]());
  }

  private constructor(
    context: DialectContext,
    principal: Principal,
    container: RequestContainer,
    events: AsyncIterator<AgentEvent>,
  ) {
    this.#context = context;
    this.#principal = principal;
    this.#container = container;
    this.#events = events;
    this.created = seconds(context.now());
  }

  /** Something was said or run: to try the request again would do it twice. */
  get hasBegun(): boolean {
    return this.answer.parts.length > 0;
  }

  /**
   * The next event.
   * @throws DragomanError how the request failed: a refusal, the upstream's fault, or that the caller is gone
   */
  async next(): Promise<AgentEvent> {
    const { value, done } = await this.#events.next();
    if (done) throw new DragomanError('internal');
    if (value.type === 'end' && value.end.reason === 'failed') throw value.end.error;
    if (value.type === 'end' && value.end.reason === 'cancelled') throw new DragomanError('cancelled');
    return value;
  }

  /** Keeps what the client will come back for: files, and what a model did before it called the client's functions. */
  async end({ end, usage, model, kept = {} }: End): Promise<Ending> {
    const { answer } = this;
    const goesOn = end.reason === 'functions';
    const hasRun = answer.codeCalls.length > 0;
    if ((goesOn && hasRun) || answer.hasFiles) this.#container.keep();
    if (goesOn && (hasRun || Object.keys(kept).length > 0))
      await keepSteps(this.#context, this.#principal, answer.toolCalls[0]!.id, {
        parts: answer.partsToKeep(kept),
        sessionId: await this.#container.used(),
      });
    return {
      end: end as Ending['end'],
      usage,
      model,
      codeCalls: answer.codeCallsIn(await this.#container.wireId()),
    };
  }

  /** Ends what is still under way, and the container unless it is kept. Never rejects. */
  async close(): Promise<void> {
    await this.#events.return?.().catch(() => {});
    await this.#container.close();
  }
}

/** Code cannot run for longer than its sandbox lives. */
function wallMsOf({ timeout_ms: run, sandbox_timeout_ms: sandbox }: ChatCodeTool): number | undefined {
  const limits = [run, sandbox].filter((limit) => typeof limit === 'number');
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

/** The files the tool brings along. */
function filesOf({ tools }: ChatBody, code: ChatCodeTool): MessageFile[] {
  const ids = typeof code.container === 'object' ? (code.container?.file_ids ?? []) : [];
  const param = `tools[${tools?.findIndex(({ type }) => type === 'code_interpreter')}].container.file_ids`;
  return ids.map((id, at) => ({ id, param: `${param}[${at}]` }));
}

/** The unfinished answer at the end of a history has run code: what was forced has happened. */
function hasRun(messages: readonly Message[]): boolean {
  const last = messages.findLast(({ role }) => role !== 'tool');
  return last?.role === 'assistant' && last.content.some(({ type }) => type === 'code_call');
}
