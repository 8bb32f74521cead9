'use strict';
// Evaluation by V8's own console: top-level await, and names that may be declared again.

const inspector = require('node:inspector');
const { promiseHooks } = require('node:v8');

const session = new inspector.Session();
/** The promises of cells that have not ended. */
const cells = new Set();
/** The cell's own is among the first that are made. */
const maxMade = 4;
const objectGroup = 'cell';
let taken;
let receiver;

function post(method, parameters) {
  const { promise, resolve, reject } = Promise.withResolvers();
  session.post(method, parameters, (error, result) => (error ? reject(error) : resolve(result)));
  return promise;
}

/** Asks the session what it answers at once. @throws its refusal */
function ask(method, parameters) {
  let answer;
  session.post(method, parameters, (error, result) => {
    answer = { error, result };
  });
  if (!answer) throw new Error(`${method} takes its time`);
  if (answer.error) throw answer.error;
  return answer.result;
}

/** Connects, and finds the way for values to come back: V8 tells of them only in its own words. */
async function warmUp() {
  session.connect();
  globalThis.__take = (box) => {
    taken = box;
  };
  const { result } = await post('Runtime.evaluate', { expression: 'globalThis.__take' });
  receiver = result.objectId;
  delete globalThis.__take;
  await post('Runtime.evaluate', { expression: 'await 0; 0', replMode: true, awaitPromise: true });
}

/**
 * Runs a prepared cell ({code, file}); resolves with its last value, awaited. What the cell throws is thrown; an error that V8
 * found in its source is marked with where: `cellPosition` {line, column}, from 0.
 */
async function evaluate({ code, file }) {
  const { result, exceptionDetails } = await held(() =>
    post('Runtime.evaluate', {
      expression: `${code}\n//# sourceURL=${file}`,
      replMode: true,
      awaitPromise: true,
      objectGroup,
    }),
  );
  try {
    const { value } = await take(exceptionDetails ? exceptionDetails.exception : result);
    if (!exceptionDetails) return await value;
    // Only errors of syntax have no frame in the cell.
    if (value instanceof SyntaxError && !String(value.stack).includes(file))
      Object.defineProperty(value, 'cellPosition', {
        value: { line: exceptionDetails.lineNumber, column: exceptionDetails.columnNumber },
        enumerable: false,
      });
    throw value;
  } finally {
    session.post('Runtime.releaseObjectGroup', { objectGroup });
    // V8 keeps what was logged, for a console that is never opened.
    session.post('Runtime.discardConsoleEntries');
  }
}

/**
 * Keeps the promise of a cell that V8 makes within `begin` until it is settled, and for ever if it never is: V8 would say that it was
 * collected, from inside the collection, which is the end of the process.
 */
async function held(begin) {
  const made = [];
  const stop = promiseHooks.onInit((promise) => {
    if (made.length < maxMade) made.push(promise);
  });
  let answer;
  try {
    answer = begin();
  } finally {
    stop();
  }
  cells.add(made);
  const settled = await answer;
  cells.delete(made);
  return settled;
}

/** The value V8 tells of, in a box: a promise must not be awaited on the way. */
async function take(remote) {
  const { type, objectId, value, unserializableValue } = remote ?? { type: 'undefined' };
  if (type === 'undefined') return { value: undefined };
  await post('Runtime.callFunctionOn', {
    objectId: receiver,
    functionDeclaration: 'function (value) { this({ value }); }',
    arguments: [objectId ? { objectId } : unserializableValue ? { unserializableValue } : { value }],
  });
  const found = taken;
  taken = undefined;
  return found;
}

module.exports = { ask, evaluate, post, warmUp };
