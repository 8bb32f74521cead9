import type { CellManner, KernelQuestion } from '../core/index.ts';
import type { BesideFrame } from './beside-frames.ts';

/** How a program starts. */
export type Program =
  /** A program of the image. */
  | { readonly kind: 'program'; readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> }
  /** The parked process of the sandbox. */
  | {
      readonly kind: 'parked';
      readonly entry: string;
      readonly args: readonly string[];
      /** The file `entry` is not to be removed once it has been read. */
      readonly stays: boolean;
    };

/** A tool as code sees it: its own name, and the identifier that code calls. */
export interface GuestTool {
  readonly name: string;
  readonly identifier: string;
  readonly description?: string | undefined;
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
}

/** A program of the image that is begun ahead of the order to run it, which names the same words and variables. */
interface Ahead {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A fork of the program that is its template, or the program that does the same where that one is not loaded. */
interface Forked {
  readonly program: readonly string[];
}

/**
 * A process that waits for its program: a program of the image, a fork of the first process that becomes a module of Python, or the program
 * itself. With a bare init the fork takes the memory over, and the first process can become no supervisor any more.
 */
export type Park = readonly string[] | { readonly module: string; readonly init?: 'bare' } | Ahead | Forked;

/** What a kernel is: a fork that becomes a module of Python, a fork that runs a file of Python, or a program of the image. */
export type KernelStart =
  | { readonly module: string }
  | { readonly script: string }
  | { readonly argv: readonly string[] };

/** An interpreter that stays alive between cells. */
export interface GuestKernel {
  /** The service's name for it. */
  readonly id: string;
  readonly start: KernelStart;
  /** Its working directory when it starts, made where it is missing: relative to the workspace, or an absolute path. */
  readonly folder: string;
}

/** A frame for the guest. docs/reference/guest-protocol.md says what each one does. */
export type GuestFrame =
  | {
      readonly op: 'write';
      readonly path: string;
      readonly size: number;
      readonly mode: number;
      /** Milliseconds since the epoch. */
      readonly modified?: number | undefined;
    }
  | { readonly op: 'place'; readonly path: string; readonly name: string; readonly size: number; readonly mode: number }
  | { readonly op: 'folder'; readonly path: string }
  | { readonly op: 'stdin'; readonly size: number }
  | { readonly op: 'warm' }
  | { readonly op: 'ahead' }
  | {
      readonly op: 'park';
      readonly argv: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly ahead?: true;
    }
  | { readonly op: 'park'; readonly module: string; readonly init?: 'bare' }
  | ({ readonly op: 'run'; readonly token: string } & Program)
  | { readonly op: 'serve'; readonly bulk: boolean }
  | { readonly op: 'opened' }
  | { readonly op: 'renew'; readonly copy: boolean }
  | { readonly op: 'enter'; readonly processes: number; readonly openFiles: number; readonly memoryBytes: number }
  | ({ readonly op: 'program'; readonly token: string; readonly tools: readonly GuestTool[] } & Program)
  | {
      readonly op: 'cell';
      readonly token: string;
      readonly kernel: string;
      readonly start: KernelStart;
      readonly folder: string;
      readonly language: string;
      readonly size: number;
      readonly tools: readonly GuestTool[];
      readonly question: KernelQuestion | null;
      readonly manner: CellManner | null;
      readonly env: Readonly<Record<string, string>>;
    }
  | {
      readonly op: 'kernel';
      readonly token: string;
      readonly kernel: string;
      readonly start: KernelStart;
      readonly folder: string;
    }
  | { readonly op: 'stop'; readonly token: string; readonly kernel: string }
  | {
      readonly op: 'snapshot';
      readonly token: string;
      readonly kernel: string;
      readonly deadline_ms: number;
      readonly max_bytes: number;
    }
  | {
      readonly op: 'restore';
      readonly token: string;
      readonly kernel: string;
      readonly start: KernelStart;
      readonly folder: string;
    }
  | { readonly op: 'discard'; readonly mark: number }
  | { readonly op: 'seen'; readonly token: string; readonly mark: number }
  | { readonly op: 'interrupt' | 'kill' | 'sync' | 'restart'; readonly token: string }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'answer'; readonly id: number; readonly error: boolean; readonly size: number }
  | BesideFrame;

/** A frame and exactly the bytes it announces. */
export interface Order {
  readonly frame: GuestFrame;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
}

/** A file of the workspace, or an absolute path of the sandbox, and what it is to hold. */
export interface WrittenFile {
  readonly path: string;
  /** Permission bits, for example 0o644. */
  readonly mode: number;
  readonly content: Uint8Array;
}

/** Orders about a sandbox, its programs and its cells; those about commands and files are in beside.ts. */
export const orders = {
  /** Writes a file, with its directories. */
  write: ({ path, mode, content }: WrittenFile): Order => ({
    frame: { op: 'write', path, size: content.length, mode },
    body: content,
  }),

  /** Writes a file whose `size` bytes arrive as a stream. */
  writeStream: (
    file: { path: string; mode: number; size: number; modified?: number | undefined },
    content: AsyncIterable<Uint8Array>,
  ): Order => ({ frame: { op: 'write', ...file }, body: exactly(file.size, content) }),

  /** Writes a file that is a copy of a program which the service keeps: its first process knows the folder. */
  place: (path: string, { name, size }: { readonly name: string; readonly size: number }): Order => ({
    frame: { op: 'place', path, name, size, mode: 0o755 },
  }),

  /** Makes a folder of the workspace where there is nothing. */
  folder: (path: string): Order => ({ frame: { op: 'folder', path } }),

  /** Sets what the program reads from standard input. */
  stdin: (content: Uint8Array): Order => ({ frame: { op: 'stdin', size: content.length }, body: content }),

  /** Repeats the template's warm-up. */
  warm: (): Order => ({ frame: { op: 'warm' } }),

  /** Starts a process that waits for its program. Claims `parked`. */
  park: (park: Park): Order => {
    if ('module' in park) return { frame: { op: 'park', ...park } };
    if ('argv' in park) return { frame: { op: 'park', ...park, ahead: true } };
    return { frame: { op: 'park', argv: 'program' in park ? park.program : park, env: {} } };
  },

  /** As `park`, in a fork of a program of the image: the first process gives it its memory. */
  parkFork: (): Order => ({ frame: { op: 'park', module: 'program', init: 'bare' } }),

  /** Has the process made that will be the program: what is left of the order to run one is its exec. */
  ahead: (): Order => ({ frame: { op: 'ahead' } }),

  /** Runs a program; the sandbox runs nothing after it. Claims `done`. */
  run: (token: string, program: Program): Order => ({ frame: { op: 'run', token, ...program } }),

  /**
   * Turns the first process into a supervisor; only the orders below reach one.
   * @param bulk its kernels can save and restore their state. Claims `bulk`, and waits for `opened`
   */
  serve: (bulk = false): Order => ({ frame: { op: 'serve', bulk } }),

  /** The pipes that a `bulk` claim told of are open. */
  opened: (): Order => ({ frame: { op: 'opened' } }),

  /** The first order to a copy of a checkpoint: shut yourself in, under these limits. Claims `ready`. */
  enter: (limits: { processes: number; openFiles: number; memoryBytes: number }): Order => ({
    frame: { op: 'enter', ...limits },
  }),

  /** The first order to a supervisor that goes on from a checkpoint. `isCopy`: another sandbox goes on from the same one. Claims `ready`. */
  renew: (isCopy: boolean): Order => ({ frame: { op: 'renew', copy: isCopy } }),

  /** Runs a program under the supervisor that may call tools. Claims `call`, `waiting`, `done`. */
  toolProgram: (token: string, program: Program, tools: readonly GuestTool[]): Order => ({
    frame: { op: 'program', token, tools, ...program },
  }),

  /** Runs a cell, starting its kernel if there is none. Claims `started`, `event`, `call`, `waiting`, `done`. */
  cell: (
    token: string,
    cell: {
      readonly kernel: GuestKernel;
      readonly language: string;
      readonly code: Uint8Array;
      readonly tools: readonly GuestTool[];
      /** What is asked about the code, which then does not run. */
      readonly question?: KernelQuestion | undefined;
      readonly manner?: CellManner | undefined;
      /** Variables of the environment for this cell alone. */
      readonly env?: Readonly<Record<string, string>> | undefined;
    },
  ): Order => ({
    frame: {
      op: 'cell',
      token,
      kernel: cell.kernel.id,
      start: cell.kernel.start,
      folder: cell.kernel.folder,
      language: cell.language,
      size: cell.code.length,
      tools: cell.tools,
      question: cell.question ?? null,
      manner: cell.manner ?? null,
      env: cell.env ?? {},
    },
    body: cell.code,
  }),

  /** Starts a kernel. Claims `done`, after a `fault` that says why it cannot be started. */
  kernel: (token: string, { id, start, folder }: GuestKernel): Order => ({
    frame: { op: 'kernel', token, kernel: id, start, folder },
  }),

  /** Ends a kernel and the processes that it started. Claims `done`. */
  stop: (token: string, id: string): Order => ({ frame: { op: 'stop', token, kernel: id } }),

  /** A kernel writes its state to the bulk pipe. Claims `done` as soon as it has forked: the stream follows. */
  snapshot: (
    token: string,
    kernel: string,
    bounds: { readonly deadlineMs: number; readonly maxBytes: number },
  ): Order => ({
    frame: { op: 'snapshot', token, kernel, deadline_ms: bounds.deadlineMs, max_bytes: bounds.maxBytes },
  }),

  /** A kernel that has run nothing reads a state from the bulk pipe; it is started if there is none. Claims `event`, `done`. */
  restore: (token: string, { id, start, folder }: GuestKernel): Order => ({
    frame: { op: 'restore', token, kernel: id, start, folder },
  }),

  /** Drops what kernels have written to the bulk pipes, where the sandbox carries their bytes; this mark is what comes out then. */
  discard: (mark: number): Order => ({ frame: { op: 'discard', mark } }),

  /** Confirms that everything up to this mark of the cell has arrived. */
  seen: (token: string, mark: number): Order => ({ frame: { op: 'seen', token, mark } }),

  /** Interrupts the running cell or program, as Ctrl-C does on a terminal. */
  interrupt: (token: string): Order => ({ frame: { op: 'interrupt', token } }),

  /** Kills the kernel of the running cell, or the running program. */
  kill: (token: string): Order => ({ frame: { op: 'kill', token } }),

  /** Claims `done` once every order before it is carried out. */
  sync: (token: string): Order => ({ frame: { op: 'sync', token } }),

  /** Ends every process but the supervisor. Claims `done`. */
  restart: (token: string): Order => ({ frame: { op: 'restart', token } }),

  /** Removes a file of the workspace, if it exists. */
  remove: (path: string): Order => ({ frame: { op: 'remove', path } }),

  /** Answers a tool call with a JSON value, or with a sentence that says what went wrong. */
  answer: (id: number, { error, body }: { error: boolean; body: Uint8Array }): Order => ({
    frame: { op: 'answer', id, error, size: body.length },
    body,
  }),
} as const;

/** A frame as bytes: four bytes of length, big-endian, then JSON. */
export function encodeFrame(frame: GuestFrame): Buffer {
  const json = JSON.stringify(frame);
  const size = Buffer.byteLength(json);
  const bytes = Buffer.allocUnsafe(4 + size);
  bytes.writeUInt32BE(size, 0);
  bytes.write(json, 4);
  return bytes;
}

/** A stream of the wrong length would shift every later frame, so it ends the order instead. */
async function* exactly(size: number, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = size;
  for await (const chunk of source) {
    left -= chunk.length;
    if (left < 0) break;
    yield chunk;
  }
  if (left !== 0) throw new Error('a stored file does not have its recorded size');
}
