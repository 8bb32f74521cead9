import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AgentEvent, Message as AgentMessage, AgentRequest, AssistantPart } from '../../../agent/index.ts';
import { MadeFiles, shownImages, type Workplace } from '../../../assistant/index.ts';
import { DragomanError, type Principal } from '../../../core/index.ts';
import { abortOnDisconnect, upstreamKey } from '../../../http/index.ts';
import type { Execution } from '../../../service/index.ts';
import { newWireId, ownId, timestamp, wireId } from '../ids.ts';
import { parse } from '../parse.ts';
import type { AnthropicServices } from '../services.ts';
import type { EditorProgram } from './editor.ts';
import { toConversation } from './history.ts';
import { type OpenedCode, openCode, recalled } from './open-code.ts';
import { sessionTools } from './session-tools.ts';
import { checkServed, modelSettings, namedContainer, showsThoughts } from './settings.ts';
import { type RequestTools, toolsOf } from './tools.ts';
import { contentFiles, findUploads } from './uploads.ts';
import { usageOf } from './usage.ts';
import { type ContainerInfo, type Message, type MessagesBody, messagesBody, type StopReason } from './wire.ts';
import { MessageWriter, type WireEvent } from './writer.ts';

type End = Extract<AgentEvent, { type: 'end' }>;

/** How messages are made here. */
export interface MessageRules {
  readonly editor: EditorProgram;
  /** After so many milliseconds a message is not continued: the client asks again, before its own deadline. */
  readonly pauseAfterMs: number;
}

/** One message being made. */
export class MessageRun {
  readonly id = newWireId('message');
  /** As the client named it. */
  readonly model: string;
  readonly #context: AnthropicServices;
  readonly #principal: Principal;
  readonly #workplace: Workplace | undefined;
  /** The session that the client named, or that holds the code that goes on. */
  readonly #named: string | undefined;
  readonly #opened: OpenedCode | undefined;
  readonly #writer: MessageWriter;
  readonly #files: MadeFiles;
  readonly #events: AsyncIterator<AgentEvent>;
  #code = '';
  #waiting: { readonly callId: string; readonly executionId: string; readonly after: number } | undefined;
  /** Calls and what the model read of them, for what its provider wants back. */
  readonly #parts: Extract<AssistantPart, { callId: string }>[] = [];

  /** @throws WireError, Refusal, DragomanError for a request that cannot be served */
  static async begin(
    context: AnthropicServices,
    request: FastifyRequest,
    reply: FastifyReply,
    rules: MessageRules,
  ): Promise<MessageRun> {
    const { principal } = request;
    const body = parse(messagesBody, request.body);
    checkServed(body);
    const tools = toolsOf(body);
    const container = namedContainer(body);
    const uploads = await findUploads(context, principal, body.messages, tools.code !== undefined);
    const workplaceFor = (named: string | undefined) =>
      context.assistant.workplace(principal, { named, files: uploads.files, settings: {} });
    // Where code is not offered a container is only looked up: it must be there.
    let workplace = tools.code || container !== undefined ? await workplaceFor(container) : undefined;
    const callable = new Set(tools.functions.flatMap(({ name, callers }) => (callers?.includes('code') ? name : [])));
    const files = contentFiles(context, principal, uploads, tools.code && workplace);
    const conversation = await toConversation(body.messages, { files, callable });
    const opened = conversation.open && (await openCode(context, principal, conversation.open));
    const named = container ?? opened?.sessionId;
    if (named !== container) workplace = await workplaceFor(named);
    const messages = await recalled(context, principal, conversation);
    const events = context.agent.run(
      principal,
      {
        ...modelSettings(body),
        messages: [...systemOf(body), ...messages],
        code: codeOf(tools, workplace, rules),
        functions: tools.functions,
        toolChoice: conversation.hasRun ? calm(tools.choice) : tools.choice,
        parallelToolCalls: tools.parallel,
        upstreamKey: upstreamKey(request),
        resume: opened?.resumption,
        pauseAfterMs: rules.pauseAfterMs,
      },
      abortOnDisconnect(reply),
    );
    return new MessageRun(context, principal, body, tools, { workplace, named, opened }, events);
  }

  private constructor(
    context: AnthropicServices,
    principal: Principal,
    { model, thinking }: MessagesBody,
    tools: RequestTools,
    place: { workplace: Workplace | undefined; named: string | undefined; opened: OpenedCode | undefined },
    events: AsyncIterable<AgentEvent>,
  ) {
    this.#context = context;
    this.#principal = principal;
    this.model = model;
    this.#workplace = place.workplace;
    this.#named = place.named;
    this.#opened = place.opened;
    this.#events = events[Symbol.asyncIterator]();
    this.#files = new MadeFiles(context.sessions, principal, [], 'numbered');
    const { resumption, toolUseId } = place.opened ?? {};
    this.#writer = new MessageWriter({
      callerType: tools.code?.callerType ?? 'direct',
      showsThoughts: showsThoughts(thinking),
      holdsFunctions: tools.code !== undefined,
      resumed: resumption && { callId: resumption.callId, toolUseId: toolUseId! },
      adopt: (execution) => this.#adopt(execution),
    });
  }

  /** Code has run, so the request must not be tried again. */
  get hasRun(): boolean {
    return this.#writer.hasRun;
  }

  /**
   * The agent's next event.
   * @throws DragomanError how the request failed: a refusal, the upstream's fault, or that the caller is gone
   */
  async next(): Promise<AgentEvent> {
    const { value, done } = await this.#events.next();
    if (done) throw new DragomanError('internal');
    if (value.type === 'end' && value.end.reason === 'failed') throw value.end.error;
    if (value.type === 'end' && value.end.reason === 'cancelled') throw new DragomanError('cancelled');
    return value;
  }

  /** Writes an event down. @returns the events of the stream that tell of it */
  async *take(event: Exclude<AgentEvent, { type: 'end' }>): AsyncGenerator<WireEvent> {
    this.#note(event);
    yield* this.#writer.take(event);
  }

  /** Writes down what is left. */
  async *rest(): AsyncGenerator<WireEvent> {
    yield* this.#writer.end();
  }

  /** The message as it begins. */
  begun(): Message {
    return { ...this.#head(), content: [], usage: usageOf(undefined) };
  }

  /** The whole message. Keeps what the client comes back for. */
  async end(end: End): Promise<Message> {
    await this.#keep(end);
    const { content } = this.#writer;
    const stopped = end.stopSequence ?? null;
    return {
      ...this.#head(),
      content: content.map((block) => ({ ...block })),
      stop_reason: stopped === null || end.end.reason !== 'stop' ? stopReason(end) : 'stop_sequence',
      stop_sequence: stopped,
      container: await this.#container(),
      usage: usageOf(end.usage),
    };
  }

  /** Ends what is still under way. The session stays, with its files. Never rejects. */
  async close(): Promise<void> {
    await this.#events.return?.().catch(() => {});
  }

  #head(): Omit<Message, 'content' | 'usage'> {
    return {
      id: this.id,
      type: 'message',
      role: 'assistant',
      model: this.model,
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      container: null,
      diagnostics: null,
    };
  }

  #note(event: AgentEvent): void {
    if (event.type === 'code_ready') this.#code = event.code;
    if (event.type === 'code_waiting') this.#waiting = event;
    if (event.type === 'code_done')
      this.#parts.push({ type: 'code_call', callId: event.callId, code: this.#code, modelView: event.modelView });
    if (event.type === 'function_call') this.#parts.push(event);
  }

  async #container(): Promise<ContainerInfo | null> {
    const id = this.#named ?? (await this.#workplace?.used());
    if (id === undefined) return null;
    const { idleMs } = await this.#context.sessions.get(this.#principal, id);
    return { id: wireId('container', id), expires_at: timestamp(this.#context.now() + idleMs), skills: null };
  }

  async #adopt(execution: Execution): Promise<readonly string[]> {
    const files = await this.#files.add(execution.sessionId, execution, shownImages(execution.result));
    if (files.length === 0) return [];
    try {
      const adopted = await this.#context.assistant.messageFiles.adopt(this.#principal, files, 'output');
      return adopted.map(({ id }) => wireId('file', id));
    } catch (error) {
      // The files are in the container all the same.
      if (error instanceof DragomanError && error.code === 'quota_exceeded') return [];
      throw error;
    }
  }

  /** Keeps code that waits, and what the provider wants back, by the last call of ours or of the client. */
  async #keep({ end, providerStates = {} }: End): Promise<void> {
    const { wireIds, waitingCalls } = this.#writer;
    const toolUseId = this.#waiting && (wireIds.get(this.#waiting.callId) ?? this.#opened!.toolUseId);
    const callId = toolUseId ?? [...wireIds.values()].at(-1);
    const goesOn = end.reason === 'functions' || end.reason === 'paused';
    if (callId === undefined || !goesOn || (!this.#waiting && Object.keys(providerStates).length === 0)) return;
    const key = ownId('serverTool', callId) ?? ownId('tool', callId);
    const { resumption, toolUseId: resumed } = this.#opened ?? {};
    const wireIdOf = (id: string) => wireIds.get(id) ?? (id === resumption?.callId ? resumed! : id);
    const parts = this.#parts.map((part) => ({
      ...part,
      callId: wireIdOf(part.callId),
      providerState: providerStates[part.callId],
    }));
    const waiting = this.#waiting && {
      ...this.#waiting,
      code: this.#code,
      calls: waitingCalls,
      providerState: providerStates[this.#waiting.callId],
    };
    const sessionId = this.#named ?? (await this.#workplace?.used()) ?? null;
    await this.#context.assistant.steps.keep(this.#principal, key!, { parts, sessionId, waiting });
  }
}

function stopReason({ end }: End): StopReason {
  switch (end.reason) {
    case 'length':
      return 'max_tokens';
    case 'content_filter':
      return 'refusal';
    case 'functions':
      return 'tool_use';
    case 'paused':
      return 'pause_turn';
    default:
      return 'end_turn';
  }
}

function systemOf({ system }: MessagesBody): AgentMessage[] {
  if (system === undefined || system === null) return [];
  const texts =
    typeof system === 'string' ? [system] : system.map(({ text }) => (typeof text === 'string' ? text : ''));
  return [{ role: 'system', content: [{ type: 'text', text: texts.join('\n') }] }];
}

function codeOf(
  { code }: RequestTools,
  workplace: Workplace | undefined,
  { editor }: MessageRules,
): AgentRequest['code'] {
  if (!code || !workplace) return undefined;
  const tools = sessionTools(editor).filter(({ name }) => code.names.some((offered) => offered === name));
  return {
    session: () => workplace.session(),
    files: workplace.files,
    fileNotes: workplace.notes,
    wallMs: undefined,
    maxCalls: undefined,
    name: 'code_execution',
    sessionTools: tools,
    linksFiles: false,
    functionsAs: 'names',
    goesOnWithout: true,
  };
}

/** A tool is forced once: the answer that goes on here has called it already. */
function calm(choice: RequestTools['choice']): RequestTools['choice'] {
  return choice === 'none' ? choice : 'auto';
}
