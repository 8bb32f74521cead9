import { z } from 'zod';
import type { AssistantPart, Message } from '../../../agent/index.ts';
import { invalid } from '../errors.ts';
import { parse } from '../parse.ts';
import { blockParts, type ContentFiles, contentParts, resultText } from './content.ts';
import { replayedResult } from './replayed.ts';
import { type InBlock, type InMessage, isToolName } from './wire.ts';

/** An answer to a call of the client's tool. */
export interface GivenResult {
  readonly text: string;
  readonly isError: boolean;
}

/** Code at the end of a history that has no result yet. */
export interface OpenCode {
  readonly toolUseId: string;
  /** Answers of the last message, by the ids of the calls; undefined when the user says something else in place of them. */
  readonly results: ReadonlyMap<string, GivenResult> | undefined;
  /** The last message, for errors. */
  readonly where: string;
}

/** A client's history, as the model reads it. */
export interface Conversation {
  readonly messages: readonly Message[];
  readonly open: OpenCode | undefined;
  /** Ids of the calls that the model has made since the user last spoke. */
  readonly recentCalls: readonly string[];
  /** The unfinished answer at its end has run code. */
  readonly hasRun: boolean;
}

export interface HistoryOptions {
  readonly files: ContentFiles;
  /** Names of the functions that code may call. */
  readonly callable: ReadonlySet<string>;
}

const callBlock = z.looseObject({
  id: z.string().min(1).max(256),
  name: z.string().min(1).max(256),
  input: z.looseObject({}).nullish(),
  caller: z.looseObject({ type: z.string() }).nullish(),
});
const resultBlock = z.looseObject({
  tool_use_id: z.string().max(256),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string() }))]).nullish(),
  is_error: z.boolean().nullish(),
});
const textBlock = z.looseObject({ text: z.string() });

/** Messages of equal roles that follow each other are one. `at` is the index of the first. */
interface Turn {
  readonly role: InMessage['role'];
  readonly blocks: { readonly block: InBlock; readonly where: string }[];
  readonly where: string;
}

/** Reads a history. @throws WireError naming the block that cannot be read; Refusal for a file */
export async function toConversation(messages: readonly InMessage[], options: HistoryOptions): Promise<Conversation> {
  const reader = new HistoryReader(options);
  for (const turn of turnsOf(messages)) await reader.take(turn);
  return reader.end();
}

function turnsOf(messages: readonly InMessage[]): Turn[] {
  const turns: Turn[] = [];
  for (const [at, { role, content }] of messages.entries()) {
    const where = `messages.${at}`;
    const blocks =
      typeof content === 'string'
        ? [{ block: { type: 'text', text: content }, where: `${where}.content` }]
        : content.map((block, index) => ({ block: block as InBlock, where: `${where}.content.${index}` }));
    const last = turns.at(-1);
    if (last?.role === role) last.blocks.push(...blocks);
    else turns.push({ role, blocks, where });
  }
  return turns;
}

class HistoryReader {
  readonly #options: HistoryOptions;
  readonly #messages: Message[] = [];
  /** Calls of the last assistant turn that the client must answer: of the model, and of code. */
  #direct = new Set<string>();
  #byCode = new Set<string>();
  /** Code whose result has not come yet. Its part is in its place already. */
  #open: { readonly toolUseId: string; readonly parts: AssistantPart[]; readonly at: number } | undefined;
  #results: OpenCode['results'];
  #where = 'messages';
  #recentCalls: string[] = [];
  #hasRun = false;

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  async take(turn: Turn): Promise<void> {
    this.#where = turn.where;
    if (turn.role === 'assistant') this.#assistant(turn);
    else await this.#user(turn);
  }

  end(): Conversation {
    const missing = [...this.#direct, ...this.#byCode][0];
    if (missing !== undefined) throw withoutResult(this.#where, missing);
    const open = this.#open;
    // Waiting code is opened anew by its resumption.
    if (open && this.#results) open.parts.splice(open.at, 1);
    return {
      messages: this.#messages.filter(({ role, content }) => role !== 'assistant' || content.length > 0),
      open: open && { toolUseId: open.toolUseId, results: this.#results, where: this.#where },
      recentCalls: this.#recentCalls,
      hasRun: this.#hasRun,
    };
  }

  #assistant({ blocks, where }: Turn): void {
    const missing = [...this.#direct, ...this.#byCode][0];
    if (missing !== undefined) throw withoutResult(where, missing);
    const parts: AssistantPart[] = [];
    // The user said something else than the code waited for.
    if (!this.#results) this.#open = undefined;
    this.#results = undefined;
    for (const { block, where } of blocks) {
      if (block.type === 'text') {
        const { text } = parse(textBlock, block, where);
        if (text !== '') parts.push({ type: 'text', text });
      } else if (block.type === 'server_tool_use') this.#serverCall(block, where, parts);
      else if (block.type === 'tool_use') this.#call(block, where, parts);
      else this.#result(block, parts);
    }
    this.#messages.push({ role: 'assistant', content: parts });
  }

  #serverCall(block: InBlock, where: string, parts: AssistantPart[]): void {
    const { id, name, input } = parse(callBlock, block, where);
    if (!isToolName(name)) return;
    const given = input ?? {};
    const code = given[name === 'bash_code_execution' ? 'command' : 'code'];
    const sessionTool = name === 'code_execution' ? undefined : { name, input: given };
    this.#open = { toolUseId: id, parts, at: parts.length };
    this.#recentCalls.push(id);
    const modelView = '[It did not end.]';
    parts.push({ type: 'code_call', callId: id, code: typeof code === 'string' ? code : '', sessionTool, modelView });
  }

  #call(block: InBlock, where: string, parts: AssistantPart[]): void {
    const { id, name, input, caller } = parse(callBlock, block, where);
    const isDirect = caller ? caller.type === 'direct' : !this.#open || !this.#options.callable.has(name);
    if (!isDirect) {
      if (!this.#open) throw invalid(where, `The source tool of the call '${id.slice(0, 64)}' was not found.`);
      this.#byCode.add(id);
      return;
    }
    this.#direct.add(id);
    this.#recentCalls.push(id);
    parts.push({ type: 'function_call', callId: id, name, arguments: JSON.stringify(input ?? {}) });
  }

  /** Puts the result of code to its call, which an earlier message may have. */
  #result(block: InBlock, parts: AssistantPart[]): void {
    const result = replayedResult(block);
    if (!result) return;
    this.#hasRun = true;
    const open = this.#open?.toolUseId === result.toolUseId ? this.#open : undefined;
    const list = open?.parts ?? parts;
    const at = open?.at ?? list.findIndex((part) => 'callId' in part && part.callId === result.toolUseId);
    const part = list[at];
    if (part?.type === 'code_call') list[at] = { ...part, modelView: result.view };
    if (open) this.#open = undefined;
  }

  async #user({ role, blocks, where }: Turn): Promise<void> {
    const { files } = this.#options;
    const rest: { readonly block: InBlock; readonly where: string }[] = [];
    const results = new Map<string, GivenResult>();
    for (const { block, where } of blocks) {
      if (block.type !== 'tool_result' || role === 'system') {
        rest.push({ block, where });
        continue;
      }
      const { tool_use_id: id, content, is_error: isError } = parse(resultBlock, block, where);
      if (this.#byCode.delete(id)) results.set(id, { text: resultText(content), isError: isError === true });
      else if (this.#direct.delete(id)) {
        const given = await contentParts((content ?? '') as string | InBlock[], `${where}.content`, files);
        const failed = isError ? [{ type: 'text' as const, text: '[The tool failed.]' }] : [];
        this.#messages.push({ role: 'tool', callId: id, content: [...failed, ...given] });
      } else
        throw invalid(where, `The tool_use_id '${id.slice(0, 64)}' is not one of the calls of the message before.`);
    }
    const isSpeech = rest.length > 0;
    // A user who says something else gives up code that waits.
    if (isSpeech && results.size === 0) this.#byCode.clear();
    if (isSpeech && results.size > 0)
      throw invalid(
        rest[0]!.where,
        'A message that answers calls of code holds tool_result blocks alone. Send this after the answer to it.',
      );
    const missing = [...this.#direct, ...this.#byCode][0];
    if (missing !== undefined) throw withoutResult(where, missing);
    this.#results = results.size > 0 ? results : undefined;
    if (!isSpeech) return;
    if (role === 'user') {
      this.#recentCalls = [];
      this.#hasRun = false;
    }
    const content = [];
    for (const { block, where } of rest) content.push(...(await blockParts(block, where, files)));
    this.#messages.push({ role, content } as Message);
  }
}

function withoutResult(where: string, id: string) {
  return invalid(where, `The call '${id.slice(0, 64)}' has no tool_result in the message after it.`);
}
