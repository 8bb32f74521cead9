'use strict';
// The variables of a kernel, for those who look at them between cells. V8 describes them; no code of theirs runs.

const { post } = require('./evaluate.cjs');
const builtins = require('./state/builtins.cjs');

const maxVariables = 500;
const maxName = 200;
const maxPreview = 80;
const objectGroup = 'variables';

const words = {
  string: 'text',
  number: 'number',
  bigint: 'whole number',
  boolean: 'yes or no',
  undefined: 'nothing',
  symbol: 'symbol',
};
const wordsOfObjects = {
  array: 'list',
  map: 'mapping',
  set: 'set',
  weakmap: 'mapping',
  weakset: 'set',
  typedarray: 'array',
  date: 'date',
  null: 'nothing',
  promise: 'promise',
  error: 'error',
};
/** Their descriptions begin with the name of the class and the size: `Map(2)`. */
const sized = new Set(['array', 'map', 'set', 'typedarray']);

/** What is known of each: {name, kind, type, preview?}. Functions and classes are not told. */
async function listed() {
  const { names } = await post('Runtime.globalLexicalScopeNames', {});
  const found = [];
  try {
    for (const name of new Set([...names, ...globals()])) {
      if (found.length === maxVariables) break;
      const remote = await described(name);
      if (remote && remote.type !== 'function') found.push({ name: name.slice(0, maxName), ...told(remote) });
    }
  } finally {
    await post('Runtime.releaseObjectGroup', { objectGroup });
  }
  return found;
}

/** Names that cells have given the global object, without those that compute their value. */
function globals() {
  return builtins.added().filter((name) => {
    const property = Object.getOwnPropertyDescriptor(globalThis, name);
    return property && 'value' in property && /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name);
  });
}

/** V8's words for the value of a name; undefined before its declaration has run. */
async function described(name) {
  const { result, exceptionDetails } = await post('Runtime.evaluate', {
    expression: name,
    throwOnSideEffect: true,
    silent: true,
    objectGroup,
  });
  return exceptionDetails ? undefined : result;
}

function told({ type, subtype, className, description = '', value, unserializableValue }) {
  if (type !== 'object' || subtype === 'null') {
    const preview =
      type === 'string' ? JSON.stringify(value.slice(0, maxPreview)) : String(unserializableValue ?? value);
    const kind = subtype === 'null' ? 'nothing' : (words[type] ?? type);
    return { kind, type: subtype ?? type, ...(type === 'symbol' ? {} : { preview: preview.slice(0, maxPreview) }) };
  }
  const size = sized.has(subtype) ? /\((\d+)\)$/.exec(description)?.[1] : undefined;
  return {
    kind: wordsOfObjects[subtype] ?? 'object',
    type: String(className ?? 'Object').slice(0, maxName),
    ...(size === undefined ? {} : { preview: `${size} items` }),
  };
}

module.exports = { listed };
