'use strict';
// The stream of a kernel's state, as guest/agent/state_stream.py describes it: written without keeping the kernel, read at once.

const fs = require('node:fs');

const magic = Buffer.from('DRGSTAT1');
const maxHead = 1 << 20;
const maxBuffers = 8192;

/** In hexadecimal. `crypto` is loaded here, because it takes a tenth of a kernel's start and most kernels never save. */
function digestOf(...parts) {
  const hash = require('node:crypto').createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** Writes a whole stream; resolves when it is out. `head`: an object, to which the sizes are added. */
async function write(fd, head, body, buffers) {
  const bytes = buffers.reduce((sum, { byteLength }) => sum + byteLength, body.byteLength);
  const text = Buffer.from(JSON.stringify({ ...head, bytes, buffers: buffers.length }));
  const digest = digestOf(text, body);
  const end = Buffer.from(JSON.stringify({ bytes, digest }));
  await writeAll(fd, magic);
  for (const [kind, content] of [['H', text], ['B', body], ...buffers.map((buffer) => ['D', buffer]), ['E', end]]) {
    await writeAll(fd, header(kind, content.byteLength));
    await writeAll(fd, content);
  }
}

async function writeFailure(fd, reason, message) {
  const text = Buffer.from(JSON.stringify({ reason, message }));
  await writeAll(fd, Buffer.concat([magic, header('F', text.length), text]));
}

/** Reads a whole stream: {head, body, buffers}. @throws what is wrong with it */
function read(fd) {
  if (!take(fd, magic.length).equals(magic)) throw new Error('not a state');
  const text = frame(fd, 'H', maxHead);
  const head = JSON.parse(text.toString());
  if (head.format !== 1 || head.kernel !== 'javascript') throw new Error('a state of another kernel');
  if (!(head.buffers >= 0 && head.buffers <= maxBuffers)) throw new Error('too many buffers');
  const body = frame(fd, 'B', head.bytes);
  const buffers = Array.from({ length: head.buffers }, () => frame(fd, 'D', head.bytes));
  const { digest } = JSON.parse(frame(fd, 'E', maxHead).toString());
  if (digest !== digestOf(text, body)) throw new Error('the digest is wrong');
  return { head, body, buffers };
}

function header(kind, size) {
  const made = Buffer.alloc(9);
  made.write(kind, 0, 'latin1');
  made.writeBigUInt64BE(BigInt(size), 1);
  return made;
}

function frame(fd, kind, most) {
  const head = take(fd, 9);
  const size = Number(head.readBigUInt64BE(1));
  if (head.toString('latin1', 0, 1) !== kind || !(size <= most)) throw new Error('not a frame of a state');
  return take(fd, size);
}

function take(fd, size) {
  // Of its own memory: views of it become the session's.
  const made = Buffer.from(new ArrayBuffer(size));
  for (let at = 0; at < size; ) {
    const count = fs.readSync(fd, made, at, Math.min(size - at, 1 << 20));
    if (count === 0) throw new Error('it ends in the middle');
    at += count;
  }
  return made;
}

function writeAll(fd, content) {
  const view = new Uint8Array(content.buffer ?? content, content.byteOffset ?? 0, content.byteLength);
  return new Promise((resolve, reject) => {
    const next = (at) => {
      if (at === view.byteLength) return resolve();
      fs.write(fd, view, at, Math.min(view.byteLength - at, 1 << 20), null, (error, count) =>
        error ? reject(error) : next(at + count),
      );
    };
    next(0);
  });
}

module.exports = { maxBuffers, read, write, writeFailure };
