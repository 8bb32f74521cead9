import type { CommandSignal, TerminalSize } from '../core/index.ts';
import type { FileWork, GuestCommand } from './beside-frames.ts';
import type { Order } from './orders.ts';

/*
 * What passes beside the cells of a live session: commands and work with files. It has numbers, which the service counts up within
 * one sandbox, instead of tokens.
 */

/** Orders about commands and files. docs/reference/guest-protocol.md says what each one does. */
export const besideOrders = {
  command: (id: number, command: GuestCommand): Order => ({ frame: { op: 'command', id, ...command } }),
  input: (id: number, body: Uint8Array): Order => ({ frame: { op: 'input', id, size: body.length }, body }),
  endInput: (id: number): Order => ({ frame: { op: 'end_input', id } }),
  signal: (id: number, signal: CommandSignal): Order => ({ frame: { op: 'signal', id, signal } }),
  resize: (id: number, { columns, rows }: TerminalSize): Order => ({ frame: { op: 'resize', id, columns, rows } }),
  /** Lets a command say so much more. */
  grant: (id: number, bytes: number): Order => ({ frame: { op: 'grant', id, bytes } }),
  file: (id: number, work: FileWork, body?: Uint8Array): Order => ({
    frame: { op: 'file', id, ...work },
    ...(body && { body }),
  }),
} as const;

/** What the guest says beside cells. It is bounded and well-formed, but its content is never trusted. */
export type Aside =
  /** The program of a command has started. */
  | { readonly aside: 'started'; readonly id: number; readonly pid: number }
  | { readonly aside: 'refused'; readonly id: number; readonly reason: string; readonly message: string }
  /** So much of its input has left the guest; `closed`: it reads no more. */
  | { readonly aside: 'taken'; readonly id: number; readonly bytes: number; readonly closed: boolean }
  /** The first process of a command has ended, and everything it wrote was told before. */
  | {
      readonly aside: 'ended';
      readonly id: number;
      readonly code: number | null;
      readonly signal: string | null;
      readonly cpuMs: number;
    }
  /** Answers work with files. */
  | { readonly aside: 'answer'; readonly id: number; readonly value: Readonly<Record<string, unknown>> }
  /** `errno`: a name such as ENOENT. */
  | { readonly aside: 'failed'; readonly id: number; readonly errno: string; readonly message: string }
  /** Bytes: stream 0 is the stdout of a command, 1 its stderr, 2 its terminal, 3 the content of a file. */
  | { readonly aside: 'data'; readonly id: number; readonly stream: number; readonly data: Uint8Array };

/** What a frame costs besides what is in it. For output the guest counts the same, with its head of five bytes (guest/agent/commands.py). */
export const frameCost = 64;

const maxMessage = 1000;

/** Reads one JSON frame; unknown fields are dropped. @throws Error when it is none of them */
export function parseAside(text: string): Aside {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new Error('something beside cells that is not an object');
  const { aside, id, pid, reason, message, bytes, closed, code, signal, cpu_ms: cpuMs, value: answer, errno } = value;
  if (!isWhole(id)) throw new Error('something beside cells without a number');
  const isSaid = typeof message === 'string' && message.length <= maxMessage;
  if (aside === 'started' && isWhole(pid) && pid < 2 ** 31) return { aside, id, pid };
  if (aside === 'refused' && typeof reason === 'string' && reason.length <= 20 && isSaid)
    return { aside, id, reason, message };
  if (aside === 'taken' && isWhole(bytes) && typeof closed === 'boolean') return { aside, id, bytes, closed };
  if (aside === 'ended' && isEnd(code, signal) && isCount(cpuMs))
    return { aside, id, ...{ code, signal }, cpuMs } as Aside;
  if (aside === 'answer' && isObject(answer)) return { aside, id, value: answer };
  if (aside === 'failed' && typeof errno === 'string' && /^E[A-Z0-9]{1,15}$/.test(errno) && isSaid)
    return { aside, id, errno, message };
  throw new Error('something unknown beside cells');
}

/** Reads one frame of bytes. @throws Error when it is too short */
export function parseData(frame: Buffer): Aside {
  if (frame.length < 5) throw new Error('bytes that belong to nothing');
  return { aside: 'data', id: frame.readUInt32BE(0), stream: frame[4]!, data: frame.subarray(5) };
}

function isEnd(code: unknown, signal: unknown): boolean {
  if (signal === null) return isCount(code) && code <= 255;
  return code === null && typeof signal === 'string' && /^SIG[A-Z0-9]{1,10}$/.test(signal);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isWhole(value: unknown): value is number {
  return isCount(value) && value > 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
