'use strict';
// Timers that remember their cell, so that what an interrupted cell was waiting for never comes.

const { syncBuiltinESMExports } = require('node:module');
const timers = require('node:timers');
const promises = require('node:timers/promises');
const { promisify } = require('node:util');

const immediate = setImmediate;
const later = setTimeout;
let cell = new AbortController();
let pending = new Set();

/** A new cell: its timers are its own. */
function begin() {
  cell = new AbortController();
  pending = new Set();
}

/** Forgets every timer that the cell has set. */
function cancel() {
  cell.abort();
  for (const clear of pending) clear();
  begin();
}

/** A moment that no interrupt ends. */
function moment(ms) {
  return new Promise((resolve) => later(resolve, ms).unref());
}

/** Calls back after a turn of the event loop. */
function turn(then) {
  immediate(then);
}

/** `stopping` is not 0 while an interrupt is on its way: then no timer runs, because node would call a stopped one again and again. */
function wrap(stopping) {
  const guarded = (callback) =>
    function timer(...args) {
      if (Atomics.load(stopping, 0) === 0) Reflect.apply(callback, this, args);
    };
  for (const [name, clear] of [
    ['setTimeout', clearTimeout],
    ['setInterval', clearInterval],
    ['setImmediate', clearImmediate],
  ]) {
    const usual = timers[name];
    const inPromise = promises[name];
    const set = (callback, ...args) => {
      const timer = usual(typeof callback === 'function' ? guarded(callback) : callback, ...args);
      remember(timer, clear);
      return timer;
    };
    Object.defineProperty(set, 'name', { value: name });
    // A promise that never settles: the code that awaits it is collected with it.
    const wait = (...args) => (name === 'setInterval' ? inPromise(...args) : abandoned(inPromise, name, args));
    Object.defineProperty(set, promisify.custom, { value: wait, configurable: true });
    globalThis[name] = timers[name] = set;
    promises[name] = wait;
  }
  syncBuiltinESMExports();
}

function remember(timer, clear) {
  const set = pending;
  if (set.size > 10_000) set.clear();
  set.add(() => clear(timer));
}

function abandoned(wait, name, args) {
  const own = cell;
  const at = name === 'setTimeout' ? 2 : 1;
  const options = args[at] ?? {};
  const signal = options.signal ? AbortSignal.any([own.signal, options.signal]) : own.signal;
  const given = [...args];
  given[at] = { ...options, signal };
  while (given.length < at) given.push(undefined);
  return new Promise((resolve, reject) => {
    wait(...given).then(resolve, (error) => {
      if (!own.signal.aborted) reject(error);
    });
  });
}

module.exports = { begin, cancel, moment, turn, wrap };
