'use strict';
// stdout and stderr that have left when write() returns.

const fs = require('node:fs');
const { Writable } = require('node:stream');

const pause = new Int32Array(new SharedArrayBuffer(4));

/** Writes all of it, however long the reader takes; false when the descriptor is closed. */
function writeAll(fd, bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(fd, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') return false;
      // A child of a cell's may have made the pipe one that does not wait.
      Atomics.wait(pause, 0, 0, 1);
    }
  }
  return true;
}

class Stream extends Writable {
  constructor(fd, before) {
    super({ decodeStrings: true, emitClose: false });
    this.fd = fd;
    this._before = before;
    this._type = 'fs';
  }

  _write(chunk, _encoding, done) {
    this._before();
    writeAll(this.fd, chunk);
    done();
  }

  // The next cell needs them: a cell can no more end or destroy them than a program can node's own.
  end(chunk, encoding, done) {
    const last = [done, encoding, chunk].find((argument) => typeof argument === 'function');
    if (chunk !== undefined && chunk !== last) this.write(chunk, typeof encoding === 'string' ? encoding : undefined);
    if (last) process.nextTick(last);
    return this;
  }

  destroy() {
    return this;
  }
}

/**
 * Takes the place of node's own streams, which would make the pipes non-blocking for every process that has them, other kernels
 * too. `before` is called ahead of whatever is written.
 */
function takeStreams(before) {
  for (const [name, fd] of [
    ['stdout', 1],
    ['stderr', 2],
  ]) {
    Object.defineProperty(process, name, {
      configurable: true,
      enumerable: true,
      writable: true,
      value: new Stream(fd, before),
    });
  }
}

module.exports = { pause, takeStreams, writeAll };
