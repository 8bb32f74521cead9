'use strict';
// Turns the values of cells into a table that V8 can serialize: a record an object, whatever refers to it. No code of cells runs: getters
// are not called, and proxies are not asked.

const { types } = require('node:util');

const leastBuffer = 64 << 10;
const typedArrays = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
];
const otherViews = ['Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array', 'DataView'];
const native = /\{\s*\[native code\]\s*\}\s*$/;
const everyMs = 5000;

/** A value cannot be kept; the message says why. */
class CannotKeep extends Error {}

class Encoder {
  /** `scopes`: what the inspector knows; `addresses`: Map of objects that every kernel has; `endsAt`: performance.now() */
  constructor(scopes, addresses, endsAt, prepareStack) {
    this.prepareStack = prepareStack;
    this.scopes = scopes;
    this.addresses = addresses;
    this.endsAt = endsAt;
    this.records = [];
    this.buffers = [];
    this.ids = new Map();
    this.shapes = new Map();
    this.lost = [];
    this.count = 0;
    /** Functions that were made together, and share what they close over: {names, values, members}. */
    this.groups = [];
    this.groupOf = new Map();
    /** By the kind of a scope and a name in it: [{value, isAssigned}], one for each group. */
    this.captured = new Map();
  }

  /** A value's code: itself for a primitive, [id] for what has a record. Not recursive: values are encoded later, by `settle`. */
  refer(value) {
    const kind = typeof value;
    if (value === null || (kind !== 'object' && kind !== 'function' && kind !== 'symbol')) return value;
    let id = this.ids.get(value);
    if (id === undefined) {
      id = this.records.length;
      this.ids.set(value, id);
      this.records.push(undefined);
      this.pending.push(value, id, this.parent);
    }
    return [id];
  }

  /** Encodes a variable with all it reaches. @returns {code, lost: types of what could not be kept} @throws CannotKeep for itself */
  add(value) {
    const before = { records: this.records.length, buffers: this.buffers.length };
    this.pending = [];
    this.lost = [];
    this.parent = undefined;
    const code = this.refer(value);
    try {
      this.#settle(value);
    } catch (error) {
      for (const [object, id] of this.ids) if (id >= before.records) this.ids.delete(object);
      this.records.length = before.records;
      this.buffers.length = before.buffers;
      throw error;
    }
    return { code, lost: this.lost };
  }

  #settle(top) {
    for (let at = 0; at < this.pending.length; at += 3) {
      if (++this.count % everyMs === 0 && performance.now() > this.endsAt)
        throw new CannotKeep('saving it took too long');
      const [value, id, parent] = [this.pending[at], this.pending[at + 1], this.pending[at + 2]];
      this.parent = id;
      try {
        this.records[id] = this.#record(value, parent);
      } catch (error) {
        if (!(error instanceof CannotKeep) || value === top) throw error;
        const type = typeOf(value);
        this.lost.push(type);
        this.records[id] = ['lost', type, error.message];
      }
    }
  }

  #record(value, parent) {
    const address = this.addresses.get(value);
    if (address) return ['at', address];
    if (typeof value === 'symbol') return this.#symbol(value);
    if (types.isProxy(value)) {
      const { '[[Target]]': target, '[[Handler]]': handler } = this.scopes.internals(value);
      if (!handler) throw new CannotKeep('it is a revoked proxy');
      return ['proxy', this.refer(target), this.refer(handler)];
    }
    if (typeof value === 'function') return this.#function(value, parent);
    if (Array.isArray(value)) return this.#array(value);
    const special = this.#special(value);
    if (special) return [...special, this.#rest(value, special[0])];
    return this.#object(value);
  }

  #symbol(symbol) {
    const key = Symbol.keyFor(symbol);
    if (key !== undefined) return ['symbol for', key];
    const known = Object.getOwnPropertyNames(Symbol).find((name) => Symbol[name] === symbol);
    return known ? ['at', ['global', 'Symbol', known]] : ['symbol', symbol.description];
  }

  #array(array) {
    const { length } = array;
    const keys = Reflect.ownKeys(array);
    if (keys.length === length + 1 && Object.getPrototypeOf(array) === Array.prototype && Object.isExtensible(array)) {
      const values = new Array(length);
      let isPlain = true;
      for (let at = 0; at < length && isPlain; at++) {
        const found = Object.getOwnPropertyDescriptor(array, at);
        isPlain = found !== undefined && 'value' in found && found.writable && found.enumerable;
        if (isPlain) values[at] = this.refer(found.value);
      }
      if (isPlain) return ['array', values];
    }
    return ['odd array', length, this.#rest(array, 'array')];
  }

  #object(object) {
    const prototype = Object.getPrototypeOf(object);
    if (['Timeout', 'Immediate'].includes(typeOf(object))) throw new CannotKeep('timers do not come back');
    const maker = Object.getOwnPropertyDescriptor(object, 'constructor')?.value;
    if (
      typeof maker === 'function' &&
      !types.isProxy(maker) &&
      Object.getOwnPropertyDescriptor(maker, 'prototype')?.value === object
    ) {
      // The methods of a class come with its source.
      const { own } = this.#rest(object, 'object');
      return ['prototype', this.refer(maker), own.filter(([, flags]) => (flags & 1) === 1), this.refer(prototype)];
    }
    if (types.isGeneratorObject(object)) throw new CannotKeep('it is code in the middle of its run');
    if (types.isMapIterator(object) || types.isSetIterator(object))
      throw new CannotKeep('it is in the middle of its values');
    if (types.isModuleNamespaceObject(object)) throw new CannotKeep('it is a module that was imported by its address');
    if (types.isExternal(object) || this.#isOpaque(prototype)) throw new CannotKeep('it belongs to the process');
    const keys = Reflect.ownKeys(object);
    const values = new Array(keys.length);
    let isPlain = Object.isExtensible(object);
    for (let at = 0; at < keys.length && isPlain; at++) {
      const found = Object.getOwnPropertyDescriptor(object, keys[at]);
      isPlain =
        typeof keys[at] === 'string' && 'value' in found && found.writable && found.enumerable && found.configurable;
      if (isPlain) values[at] = this.refer(found.value);
    }
    if (!isPlain) return ['odd object', this.refer(prototype), this.#rest(object, 'object')];
    return ['object', this.refer(prototype), this.#shape(keys), values];
  }

  /** Whether instances of a class hold more than what can be seen. */
  #isOpaque(prototype) {
    for (let each = prototype; each && each !== Object.prototype; each = Object.getPrototypeOf(each)) {
      const maker = Object.getOwnPropertyDescriptor(each, 'constructor')?.value;
      if (typeof maker !== 'function') continue;
      const address = this.addresses.get(maker);
      if (!address) {
        if (/#[\w$]/.test(Function.prototype.toString.call(maker))) throw new CannotKeep('it has private fields');
      } else if (address[1] !== 'EventEmitter' && !(address[1] === 'events' && address.length <= 3)) return true;
    }
    return false;
  }

  #shape(keys) {
    const name = JSON.stringify(keys);
    let id = this.shapes.get(name);
    if (id === undefined) {
      id = this.shapes.size;
      this.shapes.set(name, id);
    }
    return id;
  }

  /** What holds its value in slots of its own. */
  #special(value) {
    if (types.isDate(value)) return ['date', Date.prototype.getTime.call(value)];
    if (types.isRegExp(value)) return ['pattern', sourceOf(value), flagsOf(value)];
    if (types.isMap(value))
      return ['map', entriesOf(Map.prototype, value).map(([key, each]) => [this.refer(key), this.refer(each)])];
    if (types.isSet(value)) return ['set', entriesOf(Set.prototype, value).map(([each]) => this.refer(each))];
    if (types.isBoxedPrimitive(value)) return ['box', this.refer(value.valueOf())];
    if (types.isAnyArrayBuffer(value)) return this.#buffer(value);
    if (ArrayBuffer.isView(value)) {
      const kind = Buffer.isBuffer(value) ? 'Buffer' : types.isDataView(value) ? 'DataView' : typedArrayName(value);
      if (![...typedArrays, ...otherViews, 'Buffer'].includes(kind)) throw new CannotKeep('an unknown kind of view');
      return ['view', kind, this.refer(value.buffer), value.byteOffset, value.length ?? value.byteLength];
    }
    if (types.isNativeError(value)) return ['error'];
    if (types.isPromise(value)) {
      const { '[[PromiseState]]': state, '[[PromiseResult]]': result } = this.scopes.internals(value);
      if (state !== 'fulfilled') throw new CannotKeep(state === 'pending' ? 'it is not settled' : 'it was rejected');
      return ['promise', this.refer(result)];
    }
    if (types.isWeakMap(value) || types.isWeakSet(value)) throw new CannotKeep('what it holds cannot be listed');
    if (Object.prototype.toString.call(value) === '[object WeakRef]') {
      const target = WeakRef.prototype.deref.call(value);
      return ['weak', this.refer(target ?? null)];
    }
    if (isUrl(value)) return ['url', URL.prototype.toString.call(value)];
    return undefined;
  }

  #buffer(buffer) {
    if (types.isSharedArrayBuffer(buffer)) throw new CannotKeep('threads share it');
    if (buffer.detached) throw new CannotKeep('its memory was given away');
    if (buffer.byteLength < leastBuffer) return ['bytes', new Uint8Array(buffer.slice(0))];
    this.buffers.push(new Uint8Array(buffer));
    return ['buffer', this.buffers.length - 1];
  }

  /** Own properties with all they are, the prototype where it is not the usual one, and whether more can be added. */
  #rest(value, kind) {
    const own = [];
    for (const key of Reflect.ownKeys(value)) {
      if ((kind === 'view' && /^\d+$/.test(String(key))) || (kind === 'array' && key === 'length')) continue;
      const found = Object.getOwnPropertyDescriptor(value, key);
      if (kind === 'error' && key === 'stack' && 'get' in found) {
        own.push([key, 6, this.stackOf(value)]);
        continue;
      }
      const flags = (found.enumerable ? 1 : 0) | (found.configurable ? 2 : 0) | (found.writable ? 4 : 0);
      if ('value' in found) own.push([this.refer(key), flags, this.refer(found.value)]);
      else own.push([this.refer(key), flags, this.refer(found.get), this.refer(found.set)]);
    }
    return { own, prototype: this.refer(Object.getPrototypeOf(value)), isOpen: Object.isExtensible(value) };
  }

  /** The text of an error's stack. Where cells have their own way to make it, that is not called. */
  stackOf(error) {
    if (Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace')?.value !== this.prepareStack) return '';
    return String(error.stack);
  }

  #function(fn, parent) {
    const source = Function.prototype.toString.call(fn);
    if (native.test(source)) {
      const { '[[TargetFunction]]': target, '[[BoundThis]]': self, '[[BoundArgs]]': args } = this.scopes.internals(fn);
      if (!target) throw new CannotKeep('it is a function of the process');
      return ['bound', this.refer(target), this.refer(self), this.refer([...(args ?? [])])];
    }
    const scopes = this.scopes.closures(fn);
    if (scopes.some(({ kind }) => /^(?:Module|With|Eval)/.test(kind)))
      throw new CannotKeep('it is a function of a module');
    const captured = new Map();
    for (const { kind, names, values } of scopes)
      names.forEach((name, at) => {
        // A class or a function that has a name finds itself by it.
        const isItself =
          values[at] === fn &&
          new RegExp(`^(?:class|(?:async\\s+)?function\\s*\\*?)\\s*${name.replaceAll('$', '\\$')}(?![\\w$])`).test(
            source,
          );
        if (
          /^[\w$]+$/.test(name) &&
          !isItself &&
          !['this', 'arguments'].includes(name) &&
          !captured.has(name) &&
          mentions(source, name)
        )
          captured.set(name, { kind, value: values[at], isAssigned: assigns(source, name) });
      });
    if (!captured.size) return ['function', source, undefined, this.#ownOf(fn)];
    const group = this.#group(scopes, captured, parent);
    group.members.push(source);
    return ['function', group.members.length - 1, group.number, this.#ownOf(fn)];
  }

  /**
   * The group of functions that share what they close over. V8 does not say which do: those of one object that were made in one place,
   * with equal values, are taken to, and where others could as well, and one of them assigns, none is kept.
   */
  #group(scopes, captured, parent) {
    const place = parent === undefined ? undefined : `${parent} ${scopes.map(({ kind }) => kind).join(' ')}`;
    let group = this.groupOf.get(place);
    const fits =
      group &&
      [...captured].every(
        ([name, { value }]) => !group.captured.has(name) || Object.is(group.captured.get(name).value, value),
      );
    if (!fits) {
      group = { number: this.groups.length, captured: new Map(), members: [] };
      this.groups.push(group);
      if (place !== undefined) this.groupOf.set(place, group);
    }
    for (const [name, { kind, value, isAssigned }] of captured) {
      const key = `${kind} ${name}`;
      const others = (this.captured.get(key) ?? []).filter(
        (each) => each.group !== group && Object.is(each.value, value),
      );
      if (others.some((each) => each.isAssigned || isAssigned))
        throw new CannotKeep(`it may share the variable ${name} with other functions`);
      this.captured.set(key, [...(this.captured.get(key) ?? []), { group, value, isAssigned }]);
      if (!group.captured.has(name)) group.captured.set(name, { value, code: this.refer(value) });
    }
    return group;
  }

  /** The groups as the decoder takes them. */
  groupTable() {
    return this.groups.map(({ captured, members }) => ({
      names: [...captured.keys()],
      values: [...captured.values()].map(({ code }) => code),
      members,
    }));
  }

  #ownOf(fn) {
    const { own, isOpen } = this.#rest(fn, 'function');
    const prototype = Object.getOwnPropertyDescriptor(fn, 'prototype')?.value;
    // A class has its methods from its source.
    const isClass = /^class\b/.test(Function.prototype.toString.call(fn));
    const kept = own.filter(([key]) => !['length', 'name', 'prototype', 'arguments', 'caller'].includes(key));
    return {
      own: isClass ? kept.filter(([, flags]) => (flags & 1) === 1) : kept,
      isOpen,
      isClass,
      base: this.refer(Object.getPrototypeOf(fn)),
      prototype: prototype === undefined ? undefined : this.refer(prototype),
    };
  }
}

function wordOf(name) {
  return `(?<![\\w$.])${name.replaceAll('$', '\\$')}(?![\\w$])`;
}

function mentions(source, name) {
  return new RegExp(`${wordOf(name)}|\\.\\.\\.${name.replaceAll('$', '\\$')}(?![\\w$])`).test(source);
}

function assigns(source, name) {
  const word = wordOf(name);
  return new RegExp(
    `${word}\\s*(?:=(?![=>])|[-+*/%&|^]=|\\*\\*=|<<=|>>>?=|&&=|\\|\\|=|\\?\\?=|\\+\\+|--)|(?:\\+\\+|--)\\s*${word}`,
  ).test(source);
}

function typedArrayName(value) {
  return Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get.call(
    value,
  );
}

function entriesOf(prototype, value) {
  return [...prototype.entries.call(value)];
}

function sourceOf(pattern) {
  return Object.getOwnPropertyDescriptor(RegExp.prototype, 'source').get.call(pattern);
}

function flagsOf(pattern) {
  return Object.getOwnPropertyDescriptor(RegExp.prototype, 'flags').get.call(pattern);
}

function isUrl(value) {
  try {
    return typeof URL.prototype.toString.call(value) === 'string';
  } catch {
    return false;
  }
}

/** The name of a value's class; no code of cells runs. */
function typeOf(value) {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return typeof value;
  if (types.isProxy(value)) return 'Proxy';
  if (typeof value === 'function') return 'function';
  const prototype = Object.getPrototypeOf(value);
  const maker =
    prototype && !types.isProxy(prototype)
      ? Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
      : undefined;
  const name = typeof maker === 'function' ? Object.getOwnPropertyDescriptor(maker, 'name')?.value : undefined;
  return typeof name === 'string' && name ? name.slice(0, 200) : 'object';
}

module.exports = { CannotKeep, Encoder, typeOf };
