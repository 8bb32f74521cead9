import { createHmac, timingSafeEqual } from 'node:crypto';
import { isId } from '../../../core/index.ts';
import { isDigest } from '../bytes.ts';

/** What a signed request may do, and all that its server needs to know. */
export type ByteRight =
  | { readonly do: 'read' | 'size' | 'delete'; readonly digest: string }
  | { readonly do: 'store'; readonly digest: string; readonly size: number; readonly hold: string | null }
  | { readonly do: 'received'; readonly digest: string; readonly size: number; readonly hold: string }
  | { readonly do: 'forget'; readonly hold: string };

const methods = { read: 'GET', size: 'HEAD', delete: 'DELETE', store: 'PUT', received: 'HEAD', forget: 'DELETE' };

/** A right as the method, path and query of a request that is good until then. */
export function signedPath(right: ByteRight, until: number, secret: Uint8Array): { method: string; path: string } {
  const name = 'digest' in right ? right.digest : right.hold;
  const more = new URLSearchParams({ do: right.do, until: String(until) });
  if ('size' in right) more.set('size', String(right.size));
  if ('digest' in right && 'hold' in right && right.hold !== null) more.set('hold', right.hold);
  more.set('signature', signatureOf(right, until, secret));
  return { method: methods[right.do], path: `/${name}?${more}` };
}

/** The right that a request has; undefined: none. Never throws, whatever it is given. */
export function rightOf(method: string, target: string, secret: Uint8Array, now: number): ByteRight | undefined {
  const url = URL.parse(target, 'http://files');
  if (!url || target.length > 1024) return undefined;
  const name = url.pathname.slice(1);
  const query = (key: string) => url.searchParams.get(key);
  const until = Number(query('until'));
  const right = readRight(query('do'), name, query('size'), query('hold'));
  if (!right || methods[right.do] !== method || !Number.isSafeInteger(until)) return undefined;
  const given = Buffer.from(query('signature') ?? '', 'base64url');
  const due = Buffer.from(signatureOf(right, until, secret), 'base64url');
  if (given.length !== due.length || !timingSafeEqual(given, due) || until < now) return undefined;
  return right;
}

function readRight(
  what: string | null,
  name: string,
  sizeText: string | null,
  hold: string | null,
): ByteRight | undefined {
  const size = /^\d{1,15}$/.test(sizeText ?? '') ? Number(sizeText) : undefined;
  switch (what) {
    case 'read':
    case 'size':
    case 'delete':
      return isDigest(name) ? { do: what, digest: name } : undefined;
    case 'store':
      return isDigest(name) && size !== undefined && (hold === null || isId(hold))
        ? { do: what, digest: name, size, hold }
        : undefined;
    case 'received':
      return isDigest(name) && size !== undefined && isId(hold) ? { do: what, digest: name, size, hold } : undefined;
    case 'forget':
      return isId(name) ? { do: what, hold: name } : undefined;
    default:
      return undefined;
  }
}

/** Signs the right itself, not its spelling: every field has one place. */
function signatureOf(right: ByteRight, until: number, secret: Uint8Array): string {
  const { digest = null, size = null, hold = null } = right as { digest?: string; size?: number; hold?: string | null };
  const text = JSON.stringify(['dragoman-bytes-1', right.do, digest, size, hold, until]);
  return createHmac('sha256', secret).update(text).digest('base64url');
}
