import type { CellHost } from './host.ts';
import { isFields, type Outgoing } from './wire.ts';

/** Forms that clients with small messages show, in the order in which they are given up last. */
const wanted = ['image/png', 'text/plain'];

/** For what is around the forms: the header of the request is repeated. */
const room = 32 * 1024;

/** Keeps a form that was too large, and returns the name of its file. */
type KeepForm = (type: string, content: Buffer) => string;

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
  const sizes = new Map(Object.entries(left).map(([type, form]) => [type, sizeOf(form)]));
  let total = sizes.values().reduce((sum, size) => sum + size, 0);
  const rank = (type: string) => wanted.indexOf(type);
  const order = [...sizes.keys()].sort((a, b) => rank(a) - rank(b) || sizes.get(b)! - sizes.get(a)!);
  for (const type of order) {
    if (total + room <= maxBytes || type === 'text/plain') continue;
    const form = left[type];
    delete left[type];
    total -= sizes.get(type)!;
    const size = (sizes.get(type)! / 1048576).toFixed(1);
    notes.push(`[${type} of ${size} MiB is larger than this client takes: ${keep(type, bytesOf(type, form))}]`);
  }
  const plain = typeof left['text/plain'] === 'string' ? left['text/plain'] : '';
  const head = plain.slice(0, 65_536);
  left['text/plain'] = [head, ...notes].filter(Boolean).join('\n');
  return message.instead(message.type, { ...message.content, data: left });
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value ?? null));
}

function bytesOf(type: string, form: unknown): Buffer {
  if (typeof form !== 'string') return Buffer.from(JSON.stringify(form));
  const isText = type.startsWith('text/') || type === 'image/svg+xml';
  return Buffer.from(form, isText ? 'utf8' : 'base64');
}

const endings = /[/+]([a-z0-9]{1,8})$/;

/** Keeps a form of an output as a file, in the background. Returns where, in words. */
export function keepForm(kernel: CellHost, number: string, type: string, bytes: Buffer): string {
  const ending = type === 'image/svg+xml' ? 'svg' : (endings.exec(type)?.[1] ?? 'bin');
  const name = `output_${number}.${ending}`;
  async function* content() {
    yield bytes;
  }
  const file = { name, contentType: type, content: content() };
  const { home, services, principal, sessionId, id } = kernel;
  const kept = home ? home.put(file) : services.sessions.putFile(principal, sessionId, file);
  kept.catch((error) => services.logger.warn({ kernel: id, error: String(error) }, 'an output was not kept'));
  return `it is in ${name}`;
}
