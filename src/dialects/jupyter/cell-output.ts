import { StringDecoder } from 'node:string_decoder';
import type { ExecutionEvent } from '../../core/index.ts';
import { type Fields, isFields } from './wire.ts';

/** Characters in one message of a stream: escaped, they stay below what any client takes. */
const maxPiece = 65_536;
/** What is printed in short pieces is joined for so long. */
const joinMs = 50;

export type Tell = (type: string, content: Fields, metadata?: Fields) => void;

/** Makes messages of what a cell shows, in the order it shows it. */
export class CellOutput {
  readonly #tell: Tell;
  readonly #count: number;
  readonly #decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
  #stream: 'stdout' | 'stderr' = 'stdout';
  #text = '';
  #timer: NodeJS.Timeout | undefined;
  /** What the expressions of the request came to. */
  expressions: Fields = {};

  /** @param count the number of the cell */
  constructor(tell: Tell, count: number) {
    this.#tell = tell;
    this.#count = count;
  }

  take(event: ExecutionEvent): void {
    switch (event.type) {
      case 'stdout':
      case 'stderr': {
        const { buffer, byteOffset, byteLength } = event.data;
        this.print(event.type, this.#decoders[event.type].write(Buffer.from(buffer, byteOffset, byteLength)));
        return;
      }
      case 'display':
      case 'result':
        this.flush();
        this.#show(event);
        return;
      case 'clear':
        this.flush();
        this.#tell('clear_output', { wait: event.waits });
        return;
      case 'error': {
        this.flush();
        const { name, value, traceback } = event.error;
        this.#tell('error', { ename: name, evalue: value, traceback });
        return;
      }
      case 'expressions':
        this.expressions = event.values;
        return;
      case 'tool_calls':
        this.flush();
    }
  }

  print(stream: 'stdout' | 'stderr', text: string): void {
    if (text === '') return;
    if (stream !== this.#stream) this.flush();
    this.#stream = stream;
    this.#text += text;
    if (this.#timer && this.#text.length < maxPiece) return;
    this.flush();
    this.#timer = setTimeout(() => this.flush(), joinMs);
  }

  /** Sends what is printed and not sent yet. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#text;
    this.#text = '';
    for (let at = 0; at < text.length; ) {
      // A character of two code units stays whole.
      const end = isHigh(text.charCodeAt(at + maxPiece - 1)) ? at + maxPiece - 1 : at + maxPiece;
      this.#tell('stream', { name: this.#stream, text: text.slice(at, end) });
      at = end;
    }
  }

  /** Nothing more comes. */
  end(): void {
    for (const stream of ['stdout', 'stderr'] as const) this.print(stream, this.#decoders[stream].end());
    this.flush();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #show(event: ExecutionEvent & { type: 'display' | 'result' }): void {
    const { bundle: data, metadata: about = {}, name, isUpdate } = event;
    const metadata = isFields(about) ? about : {};
    if (event.type === 'result')
      return void this.#tell('execute_result', { data, metadata, execution_count: this.#count });
    const transient = name === undefined ? {} : { display_id: name };
    this.#tell(isUpdate ? 'update_display_data' : 'display_data', { data, metadata, transient });
  }
}

const isHigh = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
