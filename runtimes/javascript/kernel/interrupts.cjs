'use strict';
// Interrupts as the main thread sees them; watcher.cjs is the other side.

const { Worker } = require('node:worker_threads');

const maxName = 64;

class Interrupts {
  /** Not 0 while an interrupt is on its way: 1 while the main thread may be stopped for it, 2 once it has heard it. */
  stopping = new Int32Array(new SharedArrayBuffer(4));
  /** How many were heard. */
  #heard = new Int32Array(new SharedArrayBuffer(4));
  /** The name of the running cell, with its length before it. */
  #cell = new Uint8Array(new SharedArrayBuffer(1 + maxName));
  #interrupt;
  #settled;

  /** `interrupt` ends the running cell; `settled` is called when nothing is stopped any more. */
  constructor(interrupt, settled) {
    this.#interrupt = interrupt;
    this.#settled = settled;
  }

  /** An interrupt is under way, and may stop anything that runs. */
  get pending() {
    return Atomics.load(this.stopping, 0) !== 0;
  }

  /** Names the cell that runs from now on: interrupts of others come too late. */
  begin(name) {
    const bytes = Buffer.from(name).subarray(0, maxName);
    this.#cell[0] = 0;
    this.#cell.set(bytes, 1);
    this.#cell[0] = bytes.length;
  }

  /** Starts the watcher. */
  watch() {
    const watcher = new Worker(`${__dirname}/watcher.cjs`, {
      workerData: { heard: this.#heard, stopping: this.stopping, cell: this.#cell },
      stdout: false,
      stderr: false,
      execArgv: [],
    });
    watcher.on('message', ({ type, before }) => {
      if (type === 'settled') this.#settle();
      else this.#hear(before);
    });
  }

  #hear(before) {
    // One that was asked for again and has been heard meanwhile.
    if (Atomics.load(this.#heard, 0) !== before) return;
    Atomics.store(this.stopping, 0, 2);
    this.#interrupt();
    Atomics.add(this.#heard, 0, 1);
    Atomics.notify(this.#heard, 0);
  }

  #settle() {
    Atomics.store(this.stopping, 0, 0);
    this.#settled();
  }
}

module.exports = { Interrupts };
