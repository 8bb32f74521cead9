'use strict';
// Makes values of the table that encode.cjs writes: first what every record is, then what is in it.

const vm = require('node:vm');
const builtins = require('./builtins.cjs');

/** Stands for what was lost inside of something that was not. Any use of it says so. */
function lostValue(type, reason) {
  const refuse = () => {
    throw new Error(`a ${type} was lost when the sandbox of this session ended (${reason})`);
  };
  return new Proxy(function lost() {}, {
    apply: refuse,
    construct: refuse,
    get: (_target, name) =>
      typeof name === 'symbol' || name === 'then' || name === 'constructor' ? undefined : refuse(),
    set: refuse,
    has: refuse,
  });
}

class Decoder {
  #records;
  #shapes;
  #groups;
  #buffers;
  #made = [];
  #broken = new Set();
  /** What the call of `value` has begun to make. */
  #begun;
  #fill = [];
  #scopes;
  #created;

  /** `created(id, value)` is called once a function is there, before anything else is made. */
  constructor({ records, shapes, groups }, buffers, scopes, created) {
    this.#groups = groups;
    this.#records = records;
    this.#shapes = shapes;
    this.#buffers = buffers;
    this.#scopes = scopes;
    this.#created = created;
  }

  /** The value of a code. @throws what makes it impossible; what was begun for it is then gone for other variables, too */
  value(code) {
    const isOutermost = this.#begun === undefined;
    if (isOutermost) this.#begun = [];
    try {
      const found = this.#get(code);
      while (this.#fill.length) this.#fill.pop()();
      return found;
    } catch (error) {
      this.#fill.length = 0;
      for (const id of this.#begun) this.#broken.add(id);
      throw error;
    } finally {
      if (isOutermost) this.#begun = undefined;
    }
  }

  #get(code) {
    if (!Array.isArray(code)) return code;
    const [id] = code;
    if (this.#broken.has(id)) throw new Error('it shares a value with another variable that was lost');
    if (id in this.#made) return this.#made[id];
    this.#begun.push(id);
    const record = this.#records[id];
    const made = this.#create(record, id);
    this.#made[id] = made;
    if (record[0] === 'function') this.#created(id, made);
    return made;
  }

  #later(fill) {
    this.#fill.push(fill);
  }

  #create(record, id) {
    const [kind, ...parts] = record;
    switch (kind) {
      case 'at':
        return builtins.at(parts[0]);
      case 'lost':
        return lostValue(...parts);
      case 'symbol':
        return Symbol(parts[0]);
      case 'symbol for':
        return Symbol.for(parts[0]);
      case 'proxy':
        return new Proxy(this.#get(parts[0]), this.#get(parts[1]));
      case 'array': {
        const made = new Array(parts[0].length);
        this.#later(() => {
          for (let at = 0; at < made.length; at++) made[at] = this.#get(parts[0][at]);
        });
        return made;
      }
      case 'odd array':
        return this.#rest(Object.assign([], { length: parts[0] }), parts[1]);
      case 'object': {
        const [prototype, shape, values] = parts;
        const from = this.#get(prototype);
        const made = from === Object.prototype ? {} : Object.create(from);
        const keys = this.#shapes[shape];
        const isPlain = from === Object.prototype;
        this.#later(() => {
          for (let at = 0; at < keys.length; at++) put(made, keys[at], this.#get(values[at]), isPlain);
        });
        return made;
      }
      case 'odd object':
        return this.#rest(Object.create(this.#get(parts[0])), parts[1]);
      case 'prototype': {
        const [maker, own, above] = parts;
        const made = this.#get(maker).prototype;
        this.#later(() => {
          this.#define(made, own);
          if (Object.getPrototypeOf(made) !== this.#get(above)) Object.setPrototypeOf(made, this.#get(above));
        });
        return made;
      }
      case 'function':
        return this.#function(parts, id);
      case 'bound': {
        const [target, self, args] = parts.map((code) => this.value(code));
        return Function.prototype.bind.call(target, self, ...args);
      }
      default:
        return this.#special(kind, parts);
    }
  }

  #special(kind, parts) {
    const rest = parts.at(-1);
    switch (kind) {
      case 'date':
        return this.#rest(new Date(parts[0]), rest);
      case 'pattern':
        return this.#rest(new RegExp(parts[0], parts[1]), rest);
      case 'map': {
        const made = new Map();
        this.#later(() => {
          for (const [key, each] of parts[0]) Map.prototype.set.call(made, this.#get(key), this.#get(each));
        });
        return this.#rest(made, rest);
      }
      case 'set': {
        const made = new Set();
        this.#later(() => {
          for (const each of parts[0]) Set.prototype.add.call(made, this.#get(each));
        });
        return this.#rest(made, rest);
      }
      case 'box':
        return this.#rest(Object(this.#get(parts[0])), rest);
      case 'bytes':
        return parts[0].slice().buffer;
      case 'buffer':
        return this.#buffers[parts[0]].buffer;
      case 'view': {
        const [name, buffer, offset, length] = parts;
        const memory = this.#get(buffer);
        return this.#rest(
          name === 'Buffer' ? Buffer.from(memory, offset, length) : new globalThis[name](memory, offset, length),
          rest,
        );
      }
      case 'error':
        return this.#rest(new Error(), rest);
      case 'promise':
        return this.#rest(Promise.resolve(this.value(parts[0])), rest);
      case 'weak':
        return new WeakRef(this.#get(parts[0]) ?? {});
      case 'url':
        return new URL(parts[0]);
    }
    throw new Error(`a record of the unknown kind ${kind}`);
  }

  #function([text, number, own]) {
    // What a class extends is asked for while it is made.
    const base = this.#get(own.base);
    const fn =
      number === undefined ? this.#evaluate([text], [], []).values[0] : this.#member(number, text, own.isClass);
    this.#later(() => {
      this.#define(fn, own.own);
      if (Object.getPrototypeOf(fn) !== base) Object.setPrototypeOf(fn, base);
      if (!own.isOpen) Object.preventExtensions(fn);
      if (own.prototype !== undefined) this.#get(own.prototype);
    });
    return fn;
  }

  /** One of the functions that share what they close over: all of them are made at once. */
  #member(number, at, isClass) {
    const group = this.#groups[number];
    if (!group.made) {
      group.made = this.#evaluate(
        group.members,
        group.names,
        isClass ? group.values.map((code) => this.#get(code)) : [],
      );
      this.#later(() => group.made.set(...group.values.map((code) => this.#get(code))));
    }
    return group.made.values[at];
  }

  /** {values, set}: functions of their sources, and how to set what they close over. */
  #evaluate(sources, names, first) {
    const list = names.join(', ');
    const expressions = sources.map((source) => this.#expression(source));
    return this.#scopes.evaluate(
      `((${list}) => ({ values: [${expressions.join(', ')}], set: (...all) => { [${list}] = all; } }))`,
    )(...first);
  }

  /** A source as an expression: that of a method or of an accessor is only a part of an object. */
  #expression(source) {
    const within = `Object.values(Object.getOwnPropertyDescriptors({ ${source}\n }))[0]`;
    return [`(${source}\n)`, `(${within}.value ?? ${within}.get ?? ${within}.set)`].find(isReadable) ?? `(${source}\n)`;
  }

  #rest(made, { own, prototype, isOpen }) {
    this.#later(() => {
      this.#define(made, own);
      const above = this.#get(prototype);
      if (Object.getPrototypeOf(made) !== above) Object.setPrototypeOf(made, above);
      // After all else that is still to be put into it.
      if (!isOpen) this.#fill.unshift(() => Object.preventExtensions(made));
    });
    return made;
  }

  #define(made, own) {
    for (const [key, flags, ...value] of own) {
      const options = { enumerable: (flags & 1) > 0, configurable: (flags & 2) > 0 };
      const given =
        value.length === 1
          ? { value: this.#get(value[0]), writable: (flags & 4) > 0 }
          : { get: this.#get(value[0]), set: this.#get(value[1]) };
      Object.defineProperty(made, this.#get(key), { ...options, ...given });
    }
  }
}

function isReadable(expression) {
  try {
    new vm.Script(expression);
    return true;
  } catch {
    return false;
  }
}

/** As an own property, `__proto__` too. */
function put(made, key, value) {
  if (key === '__proto__')
    Object.defineProperty(made, key, { value, writable: true, enumerable: true, configurable: true });
  else made[key] = value;
}

module.exports = { Decoder };
