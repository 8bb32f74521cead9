'use strict';
// Objects that every kernel has, by their names: what cells refer to of them is found again, never copied.

const modules = [
  ...[
    'assert',
    'async_hooks',
    'buffer',
    'child_process',
    'crypto',
    'events',
    'fs',
    'fs/promises',
    'http',
    'https',
    'module',
    'net',
  ],
  ...[
    'os',
    'path',
    'perf_hooks',
    'querystring',
    'readline',
    'stream',
    'string_decoder',
    'timers',
    'timers/promises',
    'url',
    'util',
  ],
  ...['v8', 'vm', 'worker_threads', 'zlib'],
];
const own = new Set(['__take', '__look']);
/** Names of the global object before the first cell, and of the prototypes that cells like to extend. */
let first;
let firstOf;
const prototypes = [
  'Object',
  'Function',
  'Array',
  'String',
  'Number',
  'Boolean',
  'Map',
  'Set',
  'Date',
  'RegExp',
  'Promise',
  'Error',
];

/** Prototypes that no name leads to. */
const intrinsics = {
  async: Object.getPrototypeOf(async () => {}),
  generator: Object.getPrototypeOf(function* () {}),
  'async generator': Object.getPrototypeOf(async function* () {}),
  'typed array': Object.getPrototypeOf(Uint8Array),
};

/** Remembers what a kernel begins with. Call it before the first cell. */
function begin() {
  first = new Set(Reflect.ownKeys(globalThis));
  firstOf = new Map(prototypes.map((name) => [name, new Set(Reflect.ownKeys(globalThis[name].prototype))]));
}

/** Names that cells have given the global object. */
function added() {
  return Reflect.ownKeys(globalThis).filter(
    (name) =>
      typeof name === 'string' &&
      !first.has(name) &&
      !own.has(name) &&
      name !== 'tools' &&
      name !== 'ToolExecutionError',
  );
}

/** [{owner, name, value}]: what cells have added to prototypes of the language. */
function patches() {
  return prototypes.flatMap((owner) =>
    Reflect.ownKeys(globalThis[owner].prototype)
      .filter((name) => typeof name === 'string' && !firstOf.get(owner).has(name))
      .map((name) => ({
        owner,
        name,
        value: Object.getOwnPropertyDescriptor(globalThis[owner].prototype, name)?.value,
      })),
  );
}

/** Map from each object to its address: ['global', …names] or ['module', name, …names]. */
function addresses() {
  const found = new Map();
  const note = (value, address, depth) => {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function') || found.has(value)) return;
    found.set(value, address);
    if (depth === 0) return;
    for (const [name, { value: each }] of Object.entries(Object.getOwnPropertyDescriptors(value)))
      if (each !== undefined) note(each, [...address, name], depth - 1);
  };
  note(globalThis, ['global'], 0);
  for (const [name, value] of Object.entries(intrinsics)) note(value, ['intrinsic', name], 1);
  for (const name of first)
    if (typeof name === 'string') note(read(globalThis, name), ['global', name], name === 'process' ? 1 : 2);
  for (const name of modules) note(require(name), ['module', name], 2);
  // What cells have added is no kernel's own.
  for (const { value } of patches()) found.delete(value);
  for (const [path, { exports }] of Object.entries(require.cache))
    if (!path.startsWith(__dirname)) note(exports, ['module', path], 1);
  return found;
}

function read(owner, name) {
  try {
    return owner[name];
  } catch {
    return undefined;
  }
}

/** The object at an address. */
function at([kind, ...names]) {
  let found =
    kind === 'global'
      ? globalThis
      : kind === 'intrinsic'
        ? intrinsics[names.shift()]
        : globalThis.require(names.shift());
  for (const name of names) found = found[name];
  return found;
}

module.exports = { added, addresses, at, begin, patches };
