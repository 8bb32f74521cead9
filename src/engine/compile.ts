import { hash } from 'node:crypto';
import type { ExecutionResult, Limits, Usage } from '../core/index.ts';
import { orders } from '../guest-protocol/index.ts';
import type { Sandbox } from '../sandbox/index.ts';
import { isUnheard, together } from './again.ts';
import type { CompileCache, CompileKey, KeptProgram } from './compile-cache.ts';
import type { Hints } from './hints.ts';
import type { EngineInput } from './port.ts';
import { fillWords, writeSource } from './program.ts';
import { runIn } from './run.ts';
import type { Runtime } from './runtimes.ts';
import { stage } from './staging.ts';

/** A program to be compiled, or checked: the source and what lies beside it. */
export interface CompileRequest {
  readonly runtime: Runtime;
  /** The command line that does it, with its places. */
  readonly argv: readonly string[];
  /** The source, by its path in the workspace. */
  readonly entry: { readonly path: string; readonly code: string };
  readonly inputs: readonly EngineInput[];
  readonly limits: Limits;
  /** A program that was kept may be told by the name of its file. */
  readonly byName: boolean;
  /** What one owner compiled is never given to another. Undefined: nothing is cached. */
  readonly owner: string | undefined;
}

/** A program to run and what making it used, or how the compiler failed. */
export type Compilation =
  | { readonly program: Uint8Array | KeptProgram; readonly usage: Usage }
  | { readonly failed: Omit<ExecutionResult, 'artifactsTruncated' | 'stage' | 'compileUsage'> };

/** What a compiler has just made. */
type Made = Exclude<Compilation, { program: unknown }> | { readonly program: Uint8Array; readonly usage: Usage };

export interface CompilerOptions {
  readonly lease: (request: CompileRequest) => Promise<Sandbox>;
  readonly release: (sandbox: Sandbox) => void;
  readonly cache: CompileCache | undefined;
  /** Changes with the compilers. */
  readonly imageId: string;
  readonly hints: Hints;
}

/** Larger programs are refused. */
const maxProgramBytes = 128 * 1024 * 1024;
/** A compiler in a slow sandbox gets this long, or as long as it would elsewhere if that is more. */
const longestMs = 300_000;
const cached: Usage = { wallMs: 0, cpuMs: 0, peakMemoryBytes: 0 };

/**
 * Compiles in a sandbox of its own, which is then destroyed: what a compiler was made to leave behind is gone, and the program
 * passes through the host as bytes that the host does not interpret. Programs are cached by everything they were made of.
 */
export class Compiler {
  readonly #options: CompilerOptions;

  constructor(options: CompilerOptions) {
    this.#options = options;
  }

  /** @throws DragomanError sandbox_unavailable, invalid_request as a run does */
  async compile(request: CompileRequest, options: { signal?: AbortSignal | undefined }): Promise<Compilation> {
    const { cache } = this.#options;
    const key = cache && request.owner !== undefined ? this.#key(request, request.owner) : undefined;
    const kept = key && ((request.byName && cache?.hold(key)) || (await cache?.get(key)));
    if (kept) return { program: kept, usage: cached };
    const compilation = await this.#twice(request, options.signal);
    if (key && 'program' in compilation) cache?.put(key, compilation.program);
    return compilation;
  }

  async #twice(request: CompileRequest, signal: AbortSignal | undefined): Promise<Made> {
    const first = await this.#run(request, signal, 0);
    if (!('failed' in first && isUnheard(first.failed))) return first;
    // Both have the time of one, and count.
    const { usage } = first.failed;
    const again = await this.#run(request, signal, usage.wallMs);
    if (!('failed' in again)) return { ...again, usage: together(usage, again.usage) };
    return { failed: { ...again.failed, usage: together(usage, again.failed.usage) } };
  }

  /** @param usedMs how much of its time is over */
  async #run(request: CompileRequest, signal: AbortSignal | undefined, usedMs: number): Promise<Made> {
    const { runtime, argv: words, entry, inputs, limits } = request;
    const sandbox = await this.#options.lease(request);
    try {
      await stage(sandbox, inputs, [], limits);
      const output = freeName(new Set([entry.path, ...inputs.map((input) => input.path)]));
      const added = Object.entries(runtime.compile?.added ?? {}).filter(([, found]) =>
        new RegExp(found).test(entry.code),
      );
      const argv = [...fillWords(words, { entry: entry.path, output, limits }), ...added.map(([word]) => word)];
      const result = await runIn(
        sandbox,
        {
          before: [writeSource(entry)],
          start: (token) => orders.run(token, { kind: 'program', argv, env: runtime.env }),
        },
        {
          limits: { ...limits, wallMs: timeFor(limits, sandbox) - usedMs },
          signal,
          epilogue: { what: 'compiler', hints: this.#options.hints },
        },
      );
      if (result.outcome !== 'completed' || result.exitCode !== 0) return { failed: result };
      await sandbox.freeze();
      const program = await read(sandbox, output);
      if (program) return { program, usage: result.usage };
      const text = `${result.stderr.text}the compiler made no program of at most ${maxProgramBytes} bytes\n`;
      return { failed: { ...result, exitCode: 1, stderr: { ...result.stderr, text } } };
    } finally {
      this.#options.release(sandbox);
    }
  }

  /** The program is a function of this and nothing else: compilers see neither arguments nor standard input nor a network. */
  #key({ runtime, argv, entry, inputs, limits }: CompileRequest, owner: string): CompileKey {
    const parts = [
      ...[this.#options.imageId, runtime.digest, argv, owner, limits.memoryBytes, entry.path, entry.code],
      inputs.map(({ path, digest }) => [path, digest]),
    ];
    return { owner: digest(owner), source: digest(JSON.stringify(parts)) };
  }
}

function digest(text: string): string {
  return hash('sha256', text);
}

/** The limit of a program is for what its author wrote. That compilers are slower somewhere is not their doing. */
function timeFor({ wallMs }: Limits, { pace }: Sandbox): number {
  return Math.max(wallMs, Math.min(wallMs * pace, longestMs));
}

async function read(sandbox: Sandbox, path: string): Promise<Uint8Array | undefined> {
  const content = await sandbox.workspace.open(path);
  if (!content) return undefined;
  try {
    if (content.size === 0 || content.size > maxProgramBytes) return undefined;
    const program = Buffer.concat(await Array.fromAsync(content.read()));
    return program.length === content.size ? program : undefined;
  } finally {
    content.close();
  }
}

/** A name in the workspace that no file of the user has. */
function freeName(taken: ReadonlySet<string>): string {
  for (let number = 0; ; number++) {
    const name = `.program-${number}`;
    if (![...taken].some((path) => path === name || path.startsWith(`${name}/`))) return name;
  }
}
