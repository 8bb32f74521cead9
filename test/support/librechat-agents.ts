import { AIMessage } from '@librechat/agents/langchain/messages';

/** A file as LibreChat's client tracks it between calls. */
export interface TrackedFile {
  readonly id: string;
  readonly name: string;
  readonly storage_session_id?: string;
  readonly resource_id?: string;
  readonly kind?: string;
  readonly version?: number;
  readonly inherited?: true;
}

export interface TrackedSession {
  readonly session_id: string;
  readonly files: readonly TrackedFile[];
  readonly lastUpdated: number;
}

export interface ToolOptions {
  readonly baseUrl: string;
  readonly authHeaders?: Readonly<Record<string, string>>;
  readonly executionProfile?: string;
  readonly statefulSessions?: boolean;
  readonly runtimeSessionHint?: string;
}

/** What a tool call came to: the text the model sees, and what the client keeps for itself. */
export interface ToolMessage {
  readonly content: string;
  readonly status?: 'success' | 'error';
  readonly artifact?: { readonly session_id: string; readonly files?: readonly TrackedFile[] };
}

interface ProgrammaticTool {
  invoke(call: object, options?: { signal?: AbortSignal }): Promise<ToolMessage>;
}

interface ToolNode {
  invoke(input: { messages: AIMessage[] }): Promise<{ messages: ToolMessage[] }>;
}

type Scope = { kind: 'user' | 'agent'; id: string } | { kind: 'skill'; id: string; version: number };

/** The part of the client that tests drive. Its own declarations point at paths that exist in its source tree only. */
interface Agents {
  createCodeExecutionTool(options: ToolOptions): object;
  createBashExecutionTool(options: ToolOptions): object;
  createProgrammaticToolCallingTool(options: ToolOptions): ProgrammaticTool;
  createBashProgrammaticToolCallingTool(options: ToolOptions): ProgrammaticTool;
  fetchSessionFiles(
    baseUrl: string,
    sessionId: string,
    scope?: Scope,
    authHeaders?: Readonly<Record<string, string>>,
  ): Promise<readonly TrackedFile[]>;
  ToolNode: new (options: { tools: object[]; sessions: Map<string, TrackedSession> }) => ToolNode;
}

export const agents = (await import('@librechat/agents')) as unknown as Agents;

/** Where the client keeps the files of a conversation. */
const sessionKey = 'execute_code';

/**
 * One conversation of the real client: its code tools behind the node that calls them, which remembers the files of
 * each call and sends them with the next.
 */
export class Conversation {
  readonly #sessions = new Map<string, TrackedSession>();
  readonly #node: ToolNode;
  #calls = 0;

  constructor(options: ToolOptions) {
    const tools = [agents.createCodeExecutionTool(options), agents.createBashExecutionTool(options)];
    this.#node = new agents.ToolNode({ tools, sessions: this.#sessions });
  }

  /** The files the next call will send. */
  get files(): readonly TrackedFile[] {
    return this.#sessions.get(sessionKey)?.files ?? [];
  }

  /** Makes uploaded files part of the conversation, as LibreChat does before the first call. */
  attach(sessionId: string, files: readonly TrackedFile[]): void {
    this.#sessions.set(sessionKey, {
      session_id: sessionId,
      files: [...this.files, ...files],
      lastUpdated: Date.now(),
    });
  }

  run(lang: string, code: string, args?: readonly string[]): Promise<ToolMessage> {
    return this.#call('execute_code', { lang, code, ...(args ? { args } : {}) });
  }

  bash(command: string): Promise<ToolMessage> {
    return this.#call('bash_tool', { command });
  }

  async #call(name: string, args: object): Promise<ToolMessage> {
    const id = `call_${++this.#calls}`;
    const message = new AIMessage({ content: '', tool_calls: [{ name, args: { ...args }, id, type: 'tool_call' }] });
    const { messages } = await this.#node.invoke({ messages: [message] });
    return messages.at(-1)!;
  }
}

/** One of the agent's own tools: what it is called by, and what it does with its input. */
export interface AgentTool {
  readonly name: string;
  readonly parameters?: object;
  run(input: Record<string, unknown>): unknown;
}

/**
 * Runs a program with the real client's programmatic tool, which calls the agent's tools for it.
 * @throws Error with what the client tells the model when the program fails
 */
export function runProgram(
  lang: 'python' | 'bash',
  options: ToolOptions,
  { code, tools, timeout, files, signal }: ProgramCall,
): Promise<ToolMessage> {
  const tool =
    lang === 'python'
      ? agents.createProgrammaticToolCallingTool(options)
      : agents.createBashProgrammaticToolCallingTool(options);
  const toolMap = new Map(tools.map(({ name, run }) => [name, { name, invoke: async (input: never) => run(input) }]));
  const toolDefs = tools.map(({ name, parameters }) => ({ name, parameters, allowed_callers: ['code_execution'] }));
  const call = {
    type: 'tool_call',
    id: 'call_1',
    name: 'run_tools_with_code',
    args: { code, ...(timeout && { timeout }) },
    toolMap,
    toolDefs,
    _injected_files: files,
  };
  return tool.invoke(call, { ...(signal && { signal }) });
}

export interface ProgramCall {
  readonly code: string;
  readonly tools: readonly AgentTool[];
  /** Milliseconds. */
  readonly timeout?: number;
  readonly files?: readonly object[];
  readonly signal?: AbortSignal;
}
