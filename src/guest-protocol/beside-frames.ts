import type { CommandSignal, TerminalSize } from '../core/index.ts';

/** A program that runs beside the kernels. */
export interface GuestCommand {
  readonly argv: readonly string[];
  /** Absolute, or relative to the workspace. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly terminal: TerminalSize | null;
  /** Its input can be written. */
  readonly input: boolean;
  /** What it may say before more is granted; see `frameCost`. */
  readonly grant: number;
}

/** Work with files. A `handle` is the number of the order that opened it. */
export type FileWork =
  | { readonly do: 'stat' | 'make' | 'remove' | 'open'; readonly path: string }
  | { readonly do: 'list'; readonly path: string; readonly depth: number; readonly most: number }
  | { readonly do: 'move'; readonly path: string; readonly to: string }
  | { readonly do: 'create'; readonly path: string; readonly mode: number | null }
  | { readonly do: 'watch'; readonly path: string; readonly recursive: boolean }
  | { readonly do: 'read'; readonly handle: number; readonly at: number; readonly bytes: number }
  | { readonly do: 'write'; readonly handle: number; readonly size: number }
  | { readonly do: 'next' | 'commit' | 'close' | 'changes'; readonly handle: number }
  /** Looks at what is watched, now. */
  | { readonly do: 'look' }
  /** Ends the process that works with files, whatever it waits for. */
  | { readonly do: 'end' };

export type BesideFrame =
  | ({ readonly op: 'command'; readonly id: number } & GuestCommand)
  | { readonly op: 'input'; readonly id: number; readonly size: number }
  | { readonly op: 'end_input'; readonly id: number }
  | { readonly op: 'signal'; readonly id: number; readonly signal: CommandSignal }
  | ({ readonly op: 'resize'; readonly id: number } & TerminalSize)
  | { readonly op: 'grant'; readonly id: number; readonly bytes: number }
  | ({ readonly op: 'file'; readonly id: number } & FileWork);
