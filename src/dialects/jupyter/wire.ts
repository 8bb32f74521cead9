import { randomUUID } from 'node:crypto';
import { DragomanError, jsonLength } from '../../core/index.ts';
import type { JsonParser } from '../../http/index.ts';

/** Messages of the Jupyter protocol, in both framings of its WebSocket. */

export type Fields = Readonly<Record<string, unknown>>;
export type Channel = 'shell' | 'control' | 'stdin' | 'iopub';

/** What a client sent. */
export interface Incoming {
  readonly channel: string;
  readonly type: string;
  /** As it came: it is repeated in every message about this one. */
  readonly header: Fields;
  readonly content: Fields;
  readonly bytes: number;
}

export const v1Protocol = 'v1.kernel.websocket.jupyter.org';
export const protocolVersion = '5.3';
/** A header is repeated with every piece of output, so a client must not make it large. */
const maxHeaderBytes = 8192;
const maxBuffers = 1000;

/** A message of ours; it is encoded once for each framing. */
export class Outgoing {
  readonly channel: Channel;
  readonly type: string;
  readonly content: Fields;
  readonly #parts: readonly [header: Fields, parent: Fields, metadata: Fields];
  #text: string | undefined;
  #frame: Buffer | undefined;

  /** @param session of the interpreter's life */
  constructor(
    channel: Channel,
    type: string,
    content: Fields,
    about: { readonly session: string; readonly parent: Fields; readonly metadata?: Fields | undefined },
  ) {
    const header = {
      msg_id: randomUUID(),
      msg_type: type,
      session: about.session,
      username: 'dragoman',
      date: new Date().toISOString(),
      version: protocolVersion,
    };
    this.channel = channel;
    this.type = type;
    this.content = content;
    this.#parts = [header, about.parent, about.metadata ?? {}];
  }

  /** Another message in its place. */
  instead(type: string, content: Fields): Outgoing {
    const [header, parent, metadata] = this.#parts;
    return new Outgoing(this.channel, type, content, { session: String(header.session), parent, metadata });
  }

  /** In the default framing. */
  text(): string {
    const [header, parent_header, metadata] = this.#parts;
    const { msg_id, msg_type } = header;
    this.#text ??= JSON.stringify({
      ...{ header, parent_header, metadata, content: this.content },
      ...{ channel: this.channel, msg_id, msg_type, buffers: [] },
    });
    return this.#text;
  }

  /** In `v1Protocol`. */
  frame(): Buffer {
    if (this.#frame) return this.#frame;
    const parts = [
      Buffer.from(this.channel),
      ...[...this.#parts, this.content].map((part) => Buffer.from(JSON.stringify(part))),
    ];
    const head = Buffer.alloc(8 * (parts.length + 2));
    head.writeBigUInt64LE(BigInt(parts.length + 1), 0);
    let offset = head.length;
    for (const [index, part] of parts.entries()) {
      head.writeBigUInt64LE(BigInt(offset), 8 * (index + 1));
      offset += part.length;
    }
    head.writeBigUInt64LE(BigInt(offset), 8 * (parts.length + 1));
    this.#frame = Buffer.concat([head, ...parts]);
    return this.#frame;
  }
}

/** Reads a message; undefined: it is none, and is passed over as Jupyter does. */
export async function readMessage(
  data: Buffer,
  isText: boolean,
  isV1: boolean,
  parser: JsonParser,
  owner: string,
): Promise<Incoming | undefined> {
  try {
    if (isText) return incoming(await parser.parse(data, owner), undefined, data.length);
    return isV1 ? await readV1(data, parser, owner) : await readBinary(data, parser, owner);
  } catch (error) {
    if (error instanceof DragomanError && error.code === 'invalid_request') return undefined;
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The default framing with buffers behind the message: their number and places, big-endian, then JSON. */
async function readBinary(data: Buffer, parser: JsonParser, owner: string): Promise<Incoming | undefined> {
  const count = data.readUInt32BE(0);
  if (count === 0 || count > maxBuffers) return undefined;
  const start = data.readUInt32BE(4);
  const end = count > 1 ? data.readUInt32BE(8) : data.length;
  if (start < 4 * (count + 1) || end < start || end > data.length) return undefined;
  return incoming(await parser.parse(data.subarray(start, end), owner), undefined, data.length);
}

/** Places in eight bytes, little-endian: of channel, header, parent, metadata, content, and of what is behind. */
async function readV1(data: Buffer, parser: JsonParser, owner: string): Promise<Incoming | undefined> {
  const count = Number(data.readBigUInt64LE(0));
  if (count < 6 || count > maxBuffers) return undefined;
  const places = Array.from({ length: count }, (_, index) => Number(data.readBigUInt64LE(8 * (index + 1))));
  if (places[0]! < 8 * (count + 1) || places.some((at, index) => at > data.length || at < (places[index - 1] ?? 0)))
    return undefined;
  const part = (index: number) => data.subarray(places[index]!, places[index + 1]!);
  if (part(1).length > maxHeaderBytes) return undefined;
  const header = await parser.parse(part(1), owner);
  return incoming({ header, content: await parser.parse(part(4), owner) }, part(0).toString(), data.length);
}

function incoming(value: unknown, channel: string | undefined, bytes: number): Incoming | undefined {
  if (!isFields(value)) return undefined;
  const { header, content } = value;
  if (!isFields(header) || jsonLength(header) > maxHeaderBytes) return undefined;
  const type = typeof value.msg_type === 'string' ? value.msg_type : header.msg_type;
  if (typeof type !== 'string' || type.length > 100) return undefined;
  const said = channel ?? value.channel;
  return {
    channel: typeof said === 'string' ? said : 'shell',
    type,
    header,
    content: isFields(content) ? content : {},
    bytes,
  };
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
