import { isFields, type Outgoing } from './wire.ts';

/** Forms that clients with small messages show, in the order in which they are given up last. */
const wanted = ['text/plain', 'image/png'];

/** Keeps a form that was too large, and returns the name of its file. */
export type KeepForm = (type: string, content: Buffer) => string;

/**
 * A message that fits a client with small messages: of a bundle the largest forms are left out, those that it does not show first.
 * Each is kept as a file and named in the text.
 */
export function fitted(message: Outgoing, maxBytes: number, keep: KeepForm): Outgoing {
  const { data } = message.content;
  if (!isFields(data))
    return message.instead('stream', {
      name: 'stderr',
      text: '[a message that is larger than this client takes was left out]\n',
    });
  const left: Record<string, unknown> = { ...data };
  const notes: string[] = [];
  const order = Object.keys(left).sort(
    (a, b) => wanted.indexOf(a) - wanted.indexOf(b) || sizeOf(left[b]) - sizeOf(left[a]),
  );
  for (const type of order) {
    if (sizeOf(left) + notes.join().length + 4096 <= maxBytes || type === 'text/plain') continue;
    const form = left[type];
    delete left[type];
    notes.push(
      `[${type} of ${(sizeOf(form) / 1048576).toFixed(1)} MiB is larger than this client takes: ${keep(type, bytesOf(type, form))}]`,
    );
  }
  const plain = typeof left['text/plain'] === 'string' ? left['text/plain'] : '';
  const head = plain.slice(0, 65_536);
  left['text/plain'] = [head, ...notes].filter(Boolean).join('\n');
  return message.instead(message.type, { ...message.content, data: left });
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value ?? null));
}

function bytesOf(type: string, form: unknown): Buffer {
  if (typeof form !== 'string') return Buffer.from(JSON.stringify(form));
  const isText = type.startsWith('text/') || type === 'image/svg+xml';
  return Buffer.from(form, isText ? 'utf8' : 'base64');
}
