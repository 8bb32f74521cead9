import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type {
  CellManner,
  CellResult,
  ExecutionEvent,
  ExecutionResult,
  Limits,
  Logger,
  Tier,
  ToolCall,
  ToolDefinition,
  ToolResult,
} from '../../src/core/index.ts';
import {
  type CompileCache,
  createEngine,
  type Engine,
  type EngineCallOptions,
  type EngineCell,
  type EngineInput,
  type EngineSession,
  loadHints,
  loadRuntimes,
  type ToolBroker,
} from '../../src/engine/index.ts';
import { type Backend, findIsolation } from '../../src/sandbox/index.ts';
import { imageRoot, machineFilesOf, nativeDir } from './image.ts';
import { atPace, testTier, tierOptions } from './tier.ts';

const MiB = 1024 * 1024;

/** Small enough that reaching a limit takes no time, large enough for honest programs on a busy machine. */
export const testLimits: Limits = {
  wallMs: atPace(30_000),
  memoryBytes: 384 * MiB,
  processes: 128,
  cpus: 1,
  outputBytes: 64 * 1024,
  floodBytes: 4 * MiB,
  workspaceBytes: 64 * MiB,
  workspaceFiles: 2000,
  artifacts: 50,
  artifactBytes: 16 * MiB,
  openFiles: 1024,
};

/** A finished run in the form tests assert on; its sandbox is gone. */
export interface TestRun extends Omit<ExecutionResult, 'stdout' | 'stderr'> {
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
  /** Contents of created and modified files by path. */
  readonly files: Readonly<Record<string, Buffer>>;
  readonly inherited: readonly string[];
  readonly deleted: readonly string[];
}

export interface RunOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly inputs?: readonly EngineInput[];
  readonly limits?: Partial<Limits>;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ExecutionEvent) => void;
  readonly owner?: string;
}

/** Answers a tool call: its value, or throws what the program is to hear. */
export type ToolHandler = (call: ToolCall) => unknown;

export interface ToolRunOptions extends RunOptions {
  readonly tools: readonly ToolDefinition[];
  /** Answers every call of a round, unless `onRound` sees to it. */
  readonly answer?: ToolHandler;
  readonly onRound?: (calls: readonly ToolCall[], tools: ToolBroker) => void;
  /** How long the program may wait. */
  readonly waitMs?: number;
}

/** A finished run that called tools: what it asked for, round by round. */
interface ToolRun extends TestRun {
  readonly rounds: readonly (readonly ToolCall[])[];
}

/** A finished cell in the form tests assert on. */
export interface TestCell extends Omit<CellResult, 'stdout' | 'stderr' | 'artifactsTruncated'> {
  readonly stdout: string;
  readonly stderr: string;
  /** `text/plain` of its value, if it had one. */
  readonly value: unknown;
}

interface CellOptions {
  readonly language?: string;
  /** Absent: the default kernel of the language. */
  readonly kernel?: string;
  readonly manner?: CellManner | undefined;
  readonly limits?: Partial<Limits>;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ExecutionEvent) => void;
  readonly tools?: ToolBroker;
}

/** A live session of a `TestEngine`. */
export interface TestSession {
  readonly session: EngineSession;
  /** Runs a cell to its end; Python unless said otherwise. */
  run(code: string, options?: CellOptions): Promise<TestCell>;
  /** Begins a cell. */
  start(code: string, options?: CellOptions): EngineCell;
  close(): Promise<void>;
}

/** A real engine over the real image, for tests of what programs can and cannot do. */
export interface TestEngine {
  readonly engine: Engine;
  readonly backend: Backend;
  /** What the service logged at warning level or above. */
  readonly logged: readonly string[];
  run(language: string, code: string, options?: RunOptions): Promise<TestRun>;
  /** Runs a program that calls tools. */
  runWithTools(language: string, code: string, options: ToolRunOptions): Promise<ToolRun>;
  /** Close it. `language`: its kernel may have been started ahead. */
  openSession(limits?: Partial<Limits>, language?: string): Promise<TestSession>;
  close(): Promise<void>;
}

/** Starts an engine of its own (about a second); close it. */
export async function startEngine(
  options: {
    limits?: Partial<Limits>;
    poolSize?: number;
    compileCache?: CompileCache;
    runtimesDir?: string;
    diskReadBytes?: number;
    /** Absent: that of the configuration. */
    isolation?: Tier;
    /** Where it keeps templates instead of the place that all tests share. */
    keptIn?: string;
  } = {},
): Promise<TestEngine> {
  const limits = { ...testLimits, ...options.limits };
  const { compileCache } = options;
  const logged: string[] = [];
  const note = (fields: object, message: string) => logged.push(`${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { debug() {}, info() {}, warn: note, error: note };
  const { runtimesDir = fileURLToPath(new URL('../../runtimes', import.meta.url)) } = options;
  const root = await imageRoot();
  // `npm run test:tiers` runs the same tests behind the other boundaries.
  const isolation = options.isolation ?? testTier();
  const catalogue = loadRuntimes(runtimesDir, root, findIsolation(isolation));
  const { keptIn } = options;
  const kept = await tierOptions(isolation);
  const machine = isolation === 'microvm' ? await machineFilesOf() : undefined;
  const backend = findIsolation(isolation).create({
    ...(keptIn ? { tierDir: keptIn, runsc: kept.runsc ?? join(kept.tierDir, 'runsc') } : kept),
    imageRoot: root,
    nativeDir: await nativeDir(),
    guestDir: fileURLToPath(new URL('../../guest', import.meta.url)),
    runtimesDir,
    programsDir: compileCache?.programsDir,
    templates: catalogue.templates,
    sandboxUid: 2_000_000_000,
    machine: machine && { ...machine, directory: keptIn ?? machine.directory },
    ...(options.diskReadBytes === undefined ? {} : { diskReadBytes: options.diskReadBytes }),
    logger,
  });
  const engine = createEngine({
    backend,
    catalogue,
    limits,
    poolSize: options.poolSize ?? 2,
    logger,
    imageId: root,
    hints: loadHints(root, fileURLToPath(new URL('../../images/full/hints.json', import.meta.url))),
    compileCache,
  });
  await engine.start();
  const execute = async (
    language: string,
    code: string,
    { args = [], env, stdin, inputs = [], limits: own, signal, onEvent, owner }: RunOptions,
    more: EngineCallOptions,
  ): Promise<TestRun> => {
    const request = { language, code, args, env, stdin, inputs, limits: { ...limits, ...own }, owner };
    const run = await engine.execute(request, { signal, onEvent, ...more });
    try {
      const files: Record<string, Buffer> = {};
      for (const { path, content } of run.artifacts) files[path] = Buffer.concat(await Array.fromAsync(content.read()));
      const { stdout, stderr, ...rest } = run.result;
      return {
        ...rest,
        stdout: stdout.text,
        stderr: stderr.text,
        truncated: stdout.truncated || stderr.truncated,
        files,
        inherited: run.inherited,
        deleted: run.deleted,
      };
    } finally {
      run.release();
    }
  };
  return {
    engine,
    backend,
    logged,
    close: () => engine.close(),
    async openSession(own, language) {
      const session = await engine.openSession({ ...limits, ...own }, undefined, language);
      const start = (
        code: string,
        { language = 'python', kernel, manner, limits: cellLimits, ...more }: CellOptions = {},
      ) => session.run({ language, code, kernel, manner }, { limits: { ...limits, ...own, ...cellLimits }, ...more });
      return {
        session,
        start,
        async run(code, options) {
          const { stdout, stderr, ...rest } = await start(code, options).done;
          const value = rest.outputs.findLast(({ kind }) => kind === 'result')?.bundle['text/plain'];
          return { ...rest, stdout: stdout.text, stderr: stderr.text, value };
        },
        close: () => session.close(),
      };
    },
    run: (language, code, options = {}) => execute(language, code, options, {}),
    async runWithTools(
      language,
      code,
      { tools: definitions, answer = () => null, onRound, waitMs = atPace(30_000), ...options },
    ) {
      const tools = engine.tools(language, definitions, waitMs, 'test');
      const rounds: (readonly ToolCall[])[] = [];
      const onEvent = (event: ExecutionEvent) => {
        if (event.type !== 'tool_calls') return;
        rounds.push(event.calls);
        if (onRound) onRound(event.calls, tools);
        else tools.answer(event.calls.map((call) => answered(call, answer)));
      };
      return { ...(await execute(language, code, options, { tools, onEvent })), rounds };
    },
  };
}

/** What a handler makes of a call. */
export function answered(call: ToolCall, answer: ToolHandler): ToolResult {
  try {
    return { id: call.id, value: answer(call) };
  } catch (error) {
    return { id: call.id, error: (error as Error).message };
  }
}
