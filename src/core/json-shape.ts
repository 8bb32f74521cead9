const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

const usualDepth = 100;
const maxElements = 200_000;
/** Below this size no JSON takes long, whatever is in it. */
const harmlessBytes = 65_536;

/**
 * Tells whether a JSON text is cheap to parse. Long strings are, and a program is one; a large body of nothing but brackets or
 * tiny values would hold up every other request for seconds.
 * @param json UTF-8, not necessarily valid JSON
 * @param maxDepth what is deeper is not cheap, however small it is
 */
export function isCheapJson(json: Uint8Array, maxDepth?: number): boolean {
  if (json.length <= harmlessBytes && maxDepth === undefined) return true;
  return countJson(json, maxDepth ?? usualDepth, maxElements) <= maxElements;
}

/**
 * How many values a JSON text holds, within one: each costs its reader memory, however short it is.
 * @param json UTF-8, not necessarily valid JSON
 * @returns Infinity when it is nested deeper, or as soon as there are more
 */
export function countJson(json: Uint8Array, maxDepth: number, most: number): number {
  let depth = 0;
  let elements = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === quote) at = endOfString(json, at);
    else if (byte === closeArray || byte === closeObject) depth--;
    else if (byte === comma || byte === openArray || byte === openObject) {
      elements++;
      if (byte !== comma) depth++;
      if (depth > maxDepth || elements > most) return Number.POSITIVE_INFINITY;
    }
  }
  return elements;
}

/** Where the string that starts at `start` has its closing quote; the end of the text when it has none. */
function endOfString(json: Uint8Array, start: number): number {
  for (let at = start + 1; ; at++) {
    at = json.indexOf(quote, at);
    if (at < 0) return json.length;
    let escapes = 0;
    while (at - escapes - 1 > start && json[at - escapes - 1] === backslash) escapes++;
    if (escapes % 2 === 0) return at;
  }
}
