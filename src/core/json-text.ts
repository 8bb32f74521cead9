/**
 * JSON in pieces. `JSON.stringify` of a large value blocks the event loop and makes one string of it; these pieces are made one
 * by one while the client reads. Libraries that do this keep a long string in one piece, and long strings (output, base64
 * images) are what makes our answers large.
 */

/** Characters of a piece, about. */
export const pieceLength = 64 * 1024;

/** The JSON text of a value that `JSON.stringify` accepts, in pieces. They make the same text. */
export function* jsonPieces(value: unknown): Generator<string> {
  const large = new Set<object>();
  measure(value, large);
  let text = '';
  for (const part of parts(value, large)) {
    text += part;
    if (text.length < pieceLength) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

/** About how many characters the JSON of a value has: escapes are not counted. */
export function jsonLength(value: unknown): number {
  return measure(value, undefined);
}

/** Measures a value and adds every array and object that is longer than a piece to `large`. */
function measure(value: unknown, large: Set<object> | undefined): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 8;
  let length = 2;
  if (Array.isArray(value)) for (const element of value) length += 1 + measure(element, large);
  else
    for (const key of Object.keys(value)) length += key.length + 4 + measure(value[key as keyof typeof value], large);
  if (length > pieceLength) large?.add(value);
  return length;
}

function* parts(value: unknown, large: ReadonlySet<object>): Generator<string> {
  if (typeof value === 'string' && value.length > pieceLength) yield* stringParts(value);
  else if (typeof value !== 'object' || value === null || !large.has(value) || 'toJSON' in value)
    yield JSON.stringify(value) ?? 'null';
  else if (Array.isArray(value)) {
    let before = '[';
    for (const element of value) {
      yield before;
      yield* parts(element, large);
      before = ',';
    }
    yield before === '[' ? '[]' : ']';
  } else {
    let before = '{';
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined || typeof member === 'function' || typeof member === 'symbol') continue;
      yield `${before}${JSON.stringify(key)}:`;
      yield* parts(member, large);
      before = ',';
    }
    yield before === '{' ? '{}' : '}';
  }
}

function* stringParts(text: string): Generator<string> {
  yield '"';
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + pieceLength, text.length);
    // A surrogate pair stays together: a half of it would be escaped.
    if (/^[\ud800-\udbff][\udc00-\udfff]/.test(text.slice(end - 1, end + 1))) end++;
    yield JSON.stringify(text.slice(start, end)).slice(1, -1);
    start = end;
  }
  yield '"';
}
