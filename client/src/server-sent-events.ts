/** One event of a stream: its name, its number where it has one, and its data as text. */
export interface ServerSentEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** Longest line: more than any event of the service. A stream without an end of line must not fill the memory. */
const maxLineChars = 64 * 1024 * 1024;

/**
 * Reads the events of a body as they arrive. `alive` is called for every piece, comments included. Ends where the body ends; half an
 * event at the end is dropped, as the specification wants it.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  alive: () => void,
): AsyncGenerator<ServerSentEvent, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let event = new Fields();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      const text = decoder.decode(value, { stream: true });
      // Most pieces of a long line have no end of it: they are joined once.
      if (!/[\r\n]/.test(text)) {
        rest += text;
        if (rest.length > maxLineChars) throw new Error('The service sent a line without an end');
        continue;
      }
      rest += text;
      // A carriage return at the end may be the first half of a line's end.
      const held = rest.endsWith('\r') ? '\r' : '';
      const lines = (held ? rest.slice(0, -1) : rest).split(/\r\n|\n|\r/);
      rest = lines.pop()! + held;
      for (const line of lines) {
        if (line !== '') event.take(line);
        else {
          if (event.data !== undefined) yield { event: event.name, id: event.id, data: event.data };
          event = new Fields();
        }
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** The fields of one event. */
class Fields {
  name = 'message';
  id: string | undefined;
  data: string | undefined;

  take(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (field === 'event') this.name = value;
    else if (field === 'id') this.id = value;
    else if (field === 'data') this.data = this.data === undefined ? value : `${this.data}\n${value}`;
  }
}
