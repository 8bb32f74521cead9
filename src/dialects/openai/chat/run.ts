import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AgentEvent, Message } from '../../../agent/index.ts';
import type { Attachment, NamedFile, Workplace } from '../../../assistant/index.ts';
import { DragomanError, type Principal } from '../../../core/index.ts';
import { abortOnDisconnect, upstreamKey } from '../../../http/index.ts';
import { newWireId, ownId, seconds, toOwn, wireId } from '../ids.ts';
import type { OpenAIServices } from '../services.ts';
import { Answer } from './answer.ts';
import { type Conversation, toConversation } from './messages.ts';
import { modelSettings, toolsOf } from './request.ts';
import type { ChatBody, ChatCodeTool, CodeCall } from './wire.ts';

type End = Extract<AgentEvent, { type: 'end' }>;

/** How an answer ended, and the code that ran for it. */
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
  readonly #context: OpenAIServices;
  readonly #principal: Principal;
  readonly #workplace: Workplace | undefined;
  /** The session stays when the request is over. */
  #isKept = false;
  readonly #events: AsyncIterator<AgentEvent>;

  /** @throws WireError, DragomanError for a request that cannot be served */
  static async begin(
    context: OpenAIServices,
    request: FastifyRequest,
    reply: FastifyReply,
    body: ChatBody,
  ): Promise<ChatRun> {
    const { principal } = request;
    const { steps } = context.assistant;
    const { code, functions, choice } = toolsOf(body);
    const conversation = await toConversation(body.messages, {
      findSteps: async (callId) => steps.find(principal, toOwn('call', callId)),
      takesFiles: code !== undefined,
    });
    const workplace = code && (await workplaceOf(context, principal, body, code, conversation));
    const events = context.agent.run(
      principal,
      {
        ...modelSettings(body),
        messages: conversation.messages,
        code: code &&
          workplace && {
            session: () => workplace.session(),
            files: workplace.files,
            fileNotes: workplace.notes,
            wallMs: wallMsOf(code),
            maxCalls: undefined,
            viewForm: 'json',
          },
        functions,
        toolChoice:
          typeof choice === 'object' && choice.type === 'code' && hasRun(conversation.messages) ? 'auto' : choice,
        upstreamKey: upstreamKey(request),
      },
      abortOnDisconnect(reply),
    );
    return new ChatRun(context, principal, workplace, events[Symbol.asyncIterator]());
  }

  private constructor(
    context: OpenAIServices,
    principal: Principal,
    workplace: Workplace | undefined,
    events: AsyncIterator<AgentEvent>,
  ) {
    this.#context = context;
    this.#principal = principal;
    this.#workplace = workplace;
    this.#events = events;
    this.created = seconds(context.now());
  }

  /** Something was said or run, so the request must not be tried again. */
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

  /** Keeps what the client comes back for: files, and what a model did before it called the client's functions. */
  async end({ end, usage, model, providerStates = {} }: End): Promise<Ending> {
    const { answer } = this;
    const goesOn = end.reason === 'functions';
    const hasRun = answer.codeCalls.length > 0;
    const sessionId = await this.#workplace?.used();
    if ((goesOn && hasRun) || answer.hasFiles) this.#isKept = true;
    if (goesOn && (hasRun || Object.keys(providerStates).length > 0))
      await this.#context.assistant.steps.keep(this.#principal, ownId('call', answer.toolCalls[0]!.id)!, {
        parts: answer.partsToKeep(providerStates),
        sessionId: sessionId ?? null,
      });
    const isLeft = sessionId !== undefined && (this.#isKept || this.#workplace!.isNamed);
    return {
      end: end as Ending['end'],
      usage,
      model,
      codeCalls: answer.codeCallsIn(isLeft ? wireId('container', sessionId) : null),
    };
  }

  /** Ends what is still under way, and the session unless it is kept. Never rejects. */
  async close(): Promise<void> {
    await this.#events.return?.().catch(() => {});
    if (!this.#isKept) await this.#workplace?.discard();
  }
}

/** A session that is made for a request stays this long, so that a client can fetch the files that the answer names. */
const sessionLifeMs = 20 * 60_000;

/** Where the code of a request runs. @throws Refusal for a file or a session that does not exist */
async function workplaceOf(
  { assistant }: OpenAIServices,
  principal: Principal,
  body: ChatBody,
  code: ChatCodeTool,
  { files: messageFiles, earlier }: Conversation,
): Promise<Workplace> {
  const files: Attachment[] = [];
  for (const file of [...filesOf(body, code), ...messageFiles])
    files.push(...('where' in file ? await assistant.attachments.named(principal, [file]) : [file]));
  return assistant.workplace(principal, {
    named: typeof code.container === 'string' ? toOwn('container', code.container) : undefined,
    earlier,
    files,
    settings: {
      idleMs: Math.min(code.sandbox_timeout_ms ?? sessionLifeMs, sessionLifeMs),
      lifeMs: sessionLifeMs,
    },
  });
}

/** Code cannot run for longer than its sandbox lives. */
function wallMsOf({ timeout_ms: run, sandbox_timeout_ms: sandbox }: ChatCodeTool): number | undefined {
  const limits = [run, sandbox].filter((limit) => typeof limit === 'number');
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

/** The files the tool brings along. */
function filesOf({ tools }: ChatBody, code: ChatCodeTool): NamedFile[] {
  const ids = typeof code.container === 'object' ? (code.container?.file_ids ?? []) : [];
  const param = `tools[${tools?.findIndex(({ type }) => type === 'code_interpreter')}].container.file_ids`;
  return ids.map((id, at) => ({ id: toOwn('file', id), where: `${param}[${at}]` }));
}

/** The unfinished answer at the end of a history has run code, so a forced call of the tool has happened already. */
function hasRun(messages: readonly Message[]): boolean {
  const last = messages.findLast(({ role }) => role !== 'tool');
  return last?.role === 'assistant' && last.content.some(({ type }) => type === 'code_call');
}
