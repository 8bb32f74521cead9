'use strict';
// How a node that waits becomes a program.

const module_ = require('node:module');
const { Console } = require('node:console');
const { Writable } = require('node:stream');
const { hooks, typeStripper } = require('./modules.cjs');

/**
 * The first line that is printed takes its time: better now than on a user's. Both streams are made, and a console that goes nowhere
 * has printed one.
 */
function warm() {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  new Console(nowhere).log('%s', [{ warm: 1 }]);
  for (const stream of [process.stdout, process.stderr]) stream.uncork();
}

/** Becomes the program of its orders: {entry, args, stays, tools?}. */
function begin(orders) {
  module_.registerHooks(hooks(orders));
  if (orders.tools) {
    const { createTools, ToolExecutionError } = require('./tools.cjs');
    Object.assign(globalThis, { tools: createTools(orders.tools), ToolExecutionError });
  }
  Object.defineProperty(globalThis, 'display', {
    value: (...values) => console.log(...values),
    writable: true,
    configurable: true,
  });
  process.argv = [process.execPath, orders.entry, ...orders.args];
  // A program that is a module by its syntax (top-level await, import) may still call require, as it may elsewhere.
  globalThis.require = module_.createRequire(orders.entry);
  // What is loaded already is the program's own affair no more.
  for (const name of Object.keys(require.cache)) delete require.cache[name];
  // From an empty stack, so that no line of this file is in the program's traces.
  process.nextTick(module_.runMain, orders.entry);
}

module.exports = { begin, typeStripper, warm };
