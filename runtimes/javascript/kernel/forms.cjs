'use strict';
// The forms of a value by MIME type.

const { inspect } = require('node:util');

const jupyter = Symbol.for('Jupyter.display');
// What objects that draw themselves offer, by the names notebooks for JavaScript have given it.
const offers = [
  ['_toHtml', 'text/html'],
  ['_toMd', 'text/markdown'],
  ['_toSvg', 'image/svg+xml'],
  ['_toPng', 'image/png'],
  ['_toJpg', 'image/jpeg'],
];
const maxJson = 1 << 20;

/** May throw whatever a value's own methods throw. `isPlain`: without the JSON of mere data. */
function formsOf(value, isPlain = false) {
  if (typeof value?.[jupyter] === 'function') {
    const forms = value[jupyter]();
    if (typeof forms === 'object' && forms !== null) return forms;
  }
  const forms = {
    'text/plain': inspect(value, { depth: 4, maxArrayLength: 200, maxStringLength: 100_000, breakLength: 100 }),
  };
  if (value === null || typeof value !== 'object') return forms;
  for (const [method, type] of offers) {
    if (typeof value[method] === 'function') forms[type] = value[method]();
  }
  if (typeof value._toMime === 'function') Object.assign(forms, value._toMime());
  if (value instanceof Uint8Array) {
    const type = pictureType(value);
    if (type) forms[type] = value;
  }
  // What draws itself is no mere data.
  const json = !isPlain && Object.keys(forms).length === 1 ? jsonOf(value) : undefined;
  if (json !== undefined) forms['application/json'] = json;
  return forms;
}

function pictureType(bytes) {
  if (bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e && bytes[3] === 0x47) return 'image/png';
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff ? 'image/jpeg' : undefined;
}

/** A plain object or array as it would be after a journey through JSON. */
function jsonOf(value) {
  const prototype = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== null && prototype !== Object.prototype) return undefined;
  try {
    const text = JSON.stringify(value);
    return text === undefined || text.length > maxJson ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

module.exports = { formsOf };
