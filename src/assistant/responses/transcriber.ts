import type { AgentEnd, AgentEvent, ProviderState } from '../../agent/index.ts';
import { newId, type Principal, restoredText } from '../../core/index.ts';
import type { Sessions } from '../../service/index.ts';
import { itemId } from '../item-ids.ts';
import type { OutputItem } from '../items.ts';
import type { Workplace } from '../workplace.ts';
import type { Citable } from './citations.ts';
import { codeOutputs, outputsSoFar, type StreamPiece } from './code-outputs.ts';
import { ItemWriter } from './item-writer.ts';
import { MadeFiles } from './made-files.ts';
import type { ResponseEvent } from './response.ts';
import type { WaitingCode } from './waiting-code.ts';

export interface TranscriberOptions {
  readonly responseId: string;
  readonly principal: Principal;
  readonly sessions: Pick<Sessions, 'files' | 'putFile'>;
  readonly workplace: Workplace | undefined;
  readonly earlierSession: string | undefined;
  readonly uncited: readonly Citable[];
  /** Where an earlier process left it. */
  readonly left?: LeftTranscriber | undefined;
}

/** What a transcriber knows besides its items: plain data. */
export interface TranscriberState {
  readonly modelViews: Readonly<Record<string, string>>;
  readonly sessionId: string | undefined;
  readonly code: string;
  readonly codeItem: string;
  /** Code items by the agent's ids of their calls. */
  readonly codeItems: Readonly<Record<string, string>>;
  readonly uncited: readonly Citable[];
  readonly waiting?: WaitingCode | undefined;
  readonly providerStates?: Readonly<Record<string, ProviderState>> | undefined;
}

interface LeftTranscriber {
  /** Undefined: it had kept none. */
  readonly state: TranscriberState | undefined;
  /** Every event that was told. */
  readonly events: readonly ResponseEvent[];
}

/** Writes down what an agent does as the items and events of a response, and notes what a later response needs to go on. */
export class Transcriber {
  /** What the model read of each run, by the id of its item. */
  readonly modelViews: Record<string, string> = {};
  /** By the id of a code item or the `callId` of a function call. */
  providerStates: Record<string, ProviderState> | undefined;
  waiting: WaitingCode | undefined;
  readonly #options: TranscriberOptions;
  readonly #writer: ItemWriter;
  readonly #files: MadeFiles;
  #sessionId: string | undefined;
  /** What the latest code has printed so far. */
  #pieces: StreamPiece[] = [];
  #code = '';
  #codeItem = '';
  /** Code items by the agent's ids of their calls. */
  readonly #codeItems = new Map<string, string>();

  constructor(options: TranscriberOptions) {
    this.#options = options;
    const { left, responseId } = options;
    const state = left?.state;
    this.#sessionId = state ? state.sessionId : options.earlierSession;
    this.#files = new MadeFiles(options.sessions, options.principal, state?.uncited ?? options.uncited);
    this.#writer = new ItemWriter((index) => itemId({ listId: responseId, side: 'output', index }), left?.events);
    if (!state) return;
    Object.assign(this.modelViews, state.modelViews);
    this.#code = state.code;
    this.#codeItem = state.codeItem;
    for (const [call, item] of Object.entries(state.codeItems)) this.#codeItems.set(call, item);
    this.waiting = state.waiting;
    this.providerStates = state.providerStates;
  }

  /** What it knows now. */
  get state(): TranscriberState {
    return {
      modelViews: { ...this.modelViews },
      sessionId: this.#sessionId,
      code: this.#code,
      codeItem: this.#codeItem,
      codeItems: Object.fromEntries(this.#codeItems),
      uncited: this.uncited,
      waiting: this.waiting,
      providerStates: this.providerStates,
    };
  }

  /** Closes what an earlier process began to tell and did not finish: the model is asked again. */
  *abandon(): Generator<ResponseEvent> {
    yield* this.#writer.end(false, [], []);
  }

  /** The items that are complete. */
  get items(): readonly OutputItem[] {
    return this.#writer.items;
  }

  get uncited(): Citable[] {
    return this.#files.uncited;
  }

  async *take(event: Exclude<AgentEvent, { type: 'end' }>): AsyncGenerator<ResponseEvent> {
    const writer = this.#writer;
    // The model alone is told.
    if (event.type === 'code_refused') return;
    if (writer.openBlock && writer.openBlock !== event.type) yield* writer.closeBlock(await this.#citations(false));
    switch (event.type) {
      case 'text':
        yield* writer.text(event.delta);
        break;
      case 'reasoning':
        yield* writer.reasoning(event.delta);
        break;
      case 'code_start':
        this.#sessionId = await this.#options.workplace!.session();
        this.#pieces = [];
        this.#codeItem = yield* writer.codeStart(this.#sessionId);
        this.#codeItems.set(event.callId, this.#codeItem);
        break;
      case 'code_delta':
      case 'function_delta':
        yield* writer.delta(event.delta);
        break;
      case 'code_ready':
        this.#code = event.code;
        yield* writer.codeReady(event.code);
        break;
      case 'code_output':
        if (event.event.type === 'stdout' || event.event.type === 'stderr') this.#pieces.push(event.event);
        break;
      case 'code_waiting':
        yield* this.#wait(event);
        break;
      case 'code_done': {
        this.modelViews[this.#codeItem] = event.modelView;
        const { outputs, images } = codeOutputs(
          event.execution.result,
          this.#pieces,
          event.execution.restored ? `[${restoredText(event.execution.restored)}]` : '',
        );
        await this.#files.add(this.#sessionId!, event.execution, images);
        yield* writer.codeDone('completed', outputs);
        break;
      }
      case 'code_lost':
        this.modelViews[this.#codeItem] = event.modelView;
        yield* writer.codeDone('incomplete', [{ type: 'logs', text: event.modelView }]);
        break;
      case 'function_start':
        yield* writer.functionStart(event.callId, event.name);
        break;
      case 'function_call':
        yield* writer.functionCall(event.callId, event.name, event.arguments);
    }
  }

  /** Closes what is open, and cites the files that no message has cited. */
  async *end(
    { reason }: AgentEnd,
    providerStates: Readonly<Record<string, ProviderState>> | undefined,
  ): AsyncGenerator<ResponseEvent> {
    this.#keepStates(providerStates ?? {});
    const writer = this.#writer;
    const isWhole = reason === 'stop' || reason === 'functions';
    const isAnswer = reason === 'stop' || reason === 'length';
    // Files need a message to be cited in. Clients that get no message at all ask again and again.
    const isMute = reason === 'stop' && writer.items.at(-1)?.type !== 'message';
    if (writer.openText === undefined && (isMute || (isAnswer && this.uncited.length > 0))) {
      yield* writer.closeBlock([]);
      yield* writer.text('');
    }
    yield* writer.end(isWhole, await this.#citations(true), outputsSoFar(this.#pieces));
  }

  *#wait({ callId, executionId, after, calls }: Extract<AgentEvent, { type: 'code_waiting' }>) {
    const ids: Record<string, string> = {};
    yield* this.#writer.codeDone('waiting', []);
    for (const { id, name, input } of calls) {
      const told = `call_${newId()}`;
      ids[told] = id;
      yield* this.#writer.functionStart(told, name, this.#codeItem);
      yield* this.#writer.functionCall(told, name, JSON.stringify(input));
    }
    this.waiting = { callId, executionId, after, code: this.#code, calls: ids };
  }

  #citations(isLast: boolean) {
    return this.#files.citations(this.#writer.openText, this.#sessionId, isLast);
  }

  #keepStates(states: Readonly<Record<string, ProviderState>>): void {
    const byItem = Object.entries(states).map(([callId, state]) => [this.#codeItems.get(callId) ?? callId, state]);
    if (byItem.length > 0) this.providerStates = Object.fromEntries(byItem);
    if (this.waiting) this.waiting = { ...this.waiting, providerState: states[this.waiting.callId] };
  }
}
