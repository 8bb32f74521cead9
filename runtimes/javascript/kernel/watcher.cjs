'use strict';
// A thread that waits for interrupts, because the main thread may be deaf in an endless loop.

const fs = require('node:fs');
const inspector = require('node:inspector');
const { parentPort, workerData } = require('node:worker_threads');

const interruptsFd = 5;
const { heard, stopping, cell } = workerData;
const patienceMs = 40;
const attempts = 25;
const answerMs = 1000;

const main = new inspector.Session();
main.connectToMainThread();

/** Makes the main thread hear of an interrupt. */
async function interrupt() {
  const before = Atomics.load(heard, 0);
  Atomics.store(stopping, 0, 1);
  for (let attempt = 0; attempt < attempts; attempt++) {
    // A main thread that is free hears it at once. One that runs is stopped where it is and then hears it; the message goes out
    // again because what was stopped may have been the hearing of it.
    parentPort.postMessage({ type: 'interrupt', before });
    if (Atomics.wait(heard, 0, before, patienceMs) !== 'timed-out') break;
    // Not before it has taken effect is it over.
    if (Atomics.load(stopping, 0) === 1) await stop();
  }
  parentPort.postMessage({ type: 'settled' });
}

function stop() {
  const { promise, resolve } = Promise.withResolvers();
  const timer = setTimeout(resolve, answerMs);
  main.post('Runtime.terminateExecution', () => {
    clearTimeout(timer);
    resolve();
  });
  return promise;
}

/** The cells to interrupt, as their names come in. */
async function watch() {
  const part = Buffer.alloc(4096);
  let buffered = '';
  for (;;) {
    const size = await new Promise((resolve) =>
      fs.read(interruptsFd, part, 0, part.length, null, (_, size) => resolve(size)),
    );
    if (!size) return;
    const names = (buffered + part.toString('latin1', 0, size)).split('\n');
    buffered = names.pop();
    for (const name of names) {
      if (name === Buffer.from(cell.subarray(1, 1 + cell[0])).toString('latin1')) await interrupt();
    }
  }
}

watch();
