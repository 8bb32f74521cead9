import type { JSONObject, LanguageModelV4FunctionTool, LanguageModelV4ToolChoice } from '@ai-sdk/provider';
import type { Model } from '../upstreams/index.ts';
import type { AgentRequest, FunctionTool, SessionTool } from './agent.ts';
import type { Call } from './blocks.ts';
import { calledTools } from './prompt.ts';
import { clientTool, codeTool, meansOurs, sessionFunction, toolName } from './tool.ts';

type TurnRequest = Parameters<Model['turn']>[0];

/** The tools that a model is offered in one request. */
export class Offer {
  /** What our interpreter is called there. */
  readonly tool: string;
  /** Functions of the client's that code may call. */
  readonly callable: readonly FunctionTool[];
  /** Tools that the conversation has calls of and that a turn does not offer. Providers want them described all the same. */
  readonly withheld: readonly LanguageModelV4FunctionTool[];
  readonly #request: AgentRequest;
  readonly #functions: readonly FunctionTool[];
  /** The interpreter and the session tools, as the model is offered them; none where code is not offered. */
  readonly #ours: readonly LanguageModelV4FunctionTool[];
  readonly #sessionTools: readonly SessionTool[];

  /** @param wallMs the time limit of a run */
  constructor(request: AgentRequest, wallMs: number) {
    this.#request = request;
    this.tool = request.code?.name ?? toolName(request.functions);
    this.#functions = request.functions.filter(({ callers }) => callers === undefined || callers.includes('model'));
    this.callable = request.functions.filter(({ callers }) => callers?.includes('code'));
    const offered = request.code && request.toolChoice !== 'none' ? request.code : undefined;
    this.#sessionTools = request.code?.sessionTools ?? [];
    this.#ours = offered
      ? [
          codeTool(this.tool, offered, this.callable, wallMs),
          ...this.#sessionTools.map((tool) => sessionFunction(tool)),
        ]
      : [];
    const known = new Set([...this.#ours, ...this.#functions].map(({ name }) => name));
    this.withheld = [
      ...this.#ours,
      ...calledTools(request.messages, this.tool)
        .filter((name) => !known.has(name))
        .map((name) => clientTool({ name, description: undefined, parameters: { type: 'object', properties: {} } })),
    ];
  }

  /** Whether code is offered at all. */
  get hasCode(): boolean {
    return this.#ours.length > 0;
  }

  /** What a model is asked in a turn. */
  question(prompt: TurnRequest['prompt'], turn: number, withCode: boolean): TurnRequest {
    const request = this.#request;
    return {
      ...request,
      prompt,
      tools: this.tools(withCode),
      withheld: withCode ? [] : this.withheld,
      toolChoice: this.choice(turn, withCode),
      key: request.upstreamKey,
      reasoningSummary: request.reasoningSummary,
      verbosity: request.verbosity,
      stop: request.stop,
      topK: request.topK,
      seed: request.seed,
      presencePenalty: request.presencePenalty,
      frequencyPenalty: request.frequencyPenalty,
      extra: request.extra as JSONObject | undefined,
    };
  }

  /** The tools of a turn; without code only the client's. */
  tools(withCode: boolean): LanguageModelV4FunctionTool[] {
    return [...this.#functions.map(clientTool), ...(withCode ? this.#ours : [])];
  }

  /** A tool is forced in the first turn only: forced in every one, the loop would never end. */
  choice(turn: number, withCode: boolean): LanguageModelV4ToolChoice | undefined {
    const { toolChoice, resume } = this.#request;
    if (toolChoice === 'none') return { type: 'none' };
    if (toolChoice === 'auto' || turn > 0 || resume) return { type: 'auto' };
    if (toolChoice === 'required') return { type: 'required' };
    if (toolChoice.type === 'function') return { type: 'tool', toolName: toolChoice.name };
    return withCode ? { type: 'tool', toolName: toolChoice.tool ?? this.tool } : { type: 'auto' };
  }

  /** What a call of this name means. */
  kindOf(name: string, withCode: boolean): Call['kind'] {
    const functions = this.#functions;
    if (functions.some((tool) => tool.name === name)) return 'function';
    const isCode = this.sessionTool(name) !== undefined || meansOurs(name, this.tool, functions);
    if (this.hasCode) return withCode && isCode ? 'code' : 'unknown';
    // Without our tool an unknown name is for the client to answer, unless the client has no functions or the name means our tool.
    return isCode || functions.length === 0 ? 'unknown' : 'function';
  }

  sessionTool(name: string): SessionTool | undefined {
    return this.#sessionTools.find((tool) => tool.name === name);
  }

  /** What a model reads of a call that cannot be served. */
  refusal({ kind, name, tool }: Call, withCode: boolean): string {
    if (kind === 'code' && tool) return `${unreadText} Send JSON as the tool's schema has it.`;
    if (kind === 'code') return `${unreadText} Send JSON: {"code": "…"} with Python source.`;
    const names = this.tools(withCode).map((offered) => offered.name);
    const served = names.length > 0 ? `The tools are: ${names.join(', ')}.` : 'Answer without tools.';
    return `There is no tool ${JSON.stringify(name.slice(0, 100))}. ${served}`;
  }
}

export const unreadText = 'The arguments could not be read, and nothing was run.';
