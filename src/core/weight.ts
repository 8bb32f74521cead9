/** What an element costs beside what is in it. */
const elementBytes = 16;
/** Deeper than anything a sandbox or a client is let say. */
const maxDepth = 200;

/**
 * What a JSON value or one with bytes in it takes in memory, about: enough to bound what is kept of values that strangers chose.
 * Takes time with the number of its elements, not with the length of its texts.
 */
export function weightOf(value: unknown, depth = maxDepth): number {
  if (typeof value === 'string') return elementBytes + value.length;
  if (ArrayBuffer.isView(value)) return elementBytes + value.byteLength;
  if (typeof value !== 'object' || value === null || depth === 0) return elementBytes;
  let bytes = elementBytes;
  if (Array.isArray(value)) for (const element of value) bytes += weightOf(element, depth - 1);
  else for (const key in value) bytes += key.length + weightOf(value[key as keyof typeof value], depth - 1);
  return bytes;
}
