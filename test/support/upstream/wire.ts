import type { Block, Finish, Tokens } from './script.ts';

/** One answer under way on a wire: each method gives the bytes to send. */
interface Writer {
  begin(): string;
  /** A block, delta by delta, so that the server can flush each. */
  block(block: Block): Iterable<string>;
  end(finish: Finish, usage: Tokens): string;
}

/** A protocol a model provider speaks. */
export interface Wire {
  readonly protocol: 'chat' | 'responses' | 'anthropic' | 'google';
  writer(model: string): Writer;
  /** The answer that is not streamed. */
  whole(model: string, blocks: readonly Block[], finish: Finish, usage: Tokens): unknown;
  /** The body of an error. */
  problem(status: number, message: string): unknown;
}

/** A server-sent event. */
export const frame = (data: unknown, event?: string): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;

/** The whole text of a block. */
export const textOf = (block: Block): string => block.deltas.join('');

/** Seconds since the epoch, as these wires count. */
export const now = (): number => Math.floor(Date.now() / 1000);
