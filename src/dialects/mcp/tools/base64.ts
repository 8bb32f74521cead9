import { DragomanError } from '../../../core/index.ts';

/** Characters that are turned into bytes at once: a multiple of four. */
const pieceCharacters = 64 * 1024;

/** The bytes of base64, piece by piece. Line breaks are allowed. @throws DragomanError invalid_request */
export async function* bytesOfBase64(base64: string): AsyncGenerator<Uint8Array> {
  let rest = '';
  for (let start = 0; start < base64.length; start += pieceCharacters) {
    const text = rest + base64.slice(start, start + pieceCharacters).replace(/\s+/g, '');
    const isLast = start + pieceCharacters >= base64.length;
    const whole = isLast ? text.length : text.length - (text.length % 4);
    const piece = text.slice(0, whole);
    rest = text.slice(whole);
    if (!(isLast ? /^[\w+/-]*={0,2}$/ : /^[\w+/-]*$/).test(piece))
      throw new DragomanError('invalid_request', { message: 'base64: is not base64' });
    yield Buffer.from(piece, 'base64');
  }
}

/** The bytes of a text in UTF-8, piece by piece. */
export async function* bytesOfText(text: string): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + pieceCharacters, text.length);
    // A surrogate pair stays together.
    if (/^[\ud800-\udbff][\udc00-\udfff]/.test(text.slice(end - 1, end + 1))) end++;
    yield Buffer.from(text.slice(start, end));
    start = end;
  }
}
