'use strict';
// What the kernel tells the service, within the bounds that the Python kernel keeps (cells/outbox.py).

const fs = require('node:fs');
const { pause, writeAll } = require('./streams.cjs');

const maxDisplays = 200;
const maxCellBytes = 30 << 20;
const maxTextBytes = 1 << 20;
const maxFormBytes = 8 << 20;
const maxErrors = 20;
// In all JSON forms of a cell: each value costs the service memory, however short it is.
const maxValues = 400_000;
const maxDepth = 50;
const headLength = 2000;
// For the service to say that it has what was shown; longer, and the order of things is lost, but not the cell.
const maxWaitMs = 10_000;
const lookEveryMs = 0.2;
const { now } = performance;
const endings = {
  'text/plain': 'txt',
  'text/html': 'html',
  'text/markdown': 'md',
  'text/latex': 'tex',
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/svg+xml': 'svg',
  'application/pdf': 'pdf',
};

class Outbox {
  /** What the service has said that it has seen; `marks` of what it was shown. */
  seen = 0;
  marks = 0;

  /** `hear` takes in what the service has said meanwhile. */
  constructor(fd, hear) {
    this.fd = fd;
    this.hear = hear;
    this.begin(undefined);
  }

  /** A new cell, by the name the supervisor gave it. */
  begin(cell) {
    Object.assign(this, { cell, shown: 0, bytes: 0, full: false, files: 0, errors: 0, values: 0, failed: false });
  }

  begun() {
    this.#post({ event: 'begun' });
  }

  /** Sends one display or result: `forms` by MIME type, strings, bytes or JSON. What is too large goes into a file. */
  show(kind, forms) {
    if (this.full) return;
    const bundle = this.#bounded(forms);
    const size = Object.values(bundle).reduce((sum, form) => sum + lengthOf(form), 0);
    if (this.shown >= maxDisplays || this.bytes + size > maxCellBytes) {
      this.full = true;
      const limit = this.shown >= maxDisplays ? `${maxDisplays} displays` : `${maxCellBytes >> 20} MiB of displays`;
      this.print(`[more than ${limit} in one cell: the rest is left out]\n`);
      return;
    }
    if (Object.keys(bundle).length === 0) return;
    this.shown++;
    this.bytes += size;
    this.#post({ event: kind, bundle, ...(kind === 'display' && { mark: ++this.marks }) });
  }

  /** Before something is printed: waits until the service has what was shown before it, which goes another way. */
  settle() {
    if (this.seen >= this.marks) return;
    const until = now.call(performance) + maxWaitMs;
    for (;;) {
      this.hear();
      if (this.seen >= this.marks) return;
      if (now.call(performance) > until) break;
      Atomics.wait(pause, 0, 0, lookEveryMs);
    }
    this.seen = this.marks;
  }

  error(name, value, traceback) {
    this.failed = true;
    if (++this.errors <= maxErrors) this.#post({ event: 'error', error: { name, value, traceback } });
  }

  /** Sends an event that belongs to no cell. */
  tell(event) {
    this.#post(event);
  }

  done(code) {
    this.#post({ event: 'done', code, cell: this.cell });
  }

  /** To stderr, past whatever the program made of it. */
  print(text) {
    this.settle();
    writeAll(2, Buffer.from(text));
  }

  #bounded(forms) {
    const bundle = {};
    const notes = [];
    for (const [type, given] of Object.entries(forms).slice(0, 16)) {
      const form = given instanceof Uint8Array ? Buffer.from(given).toString('base64') : given;
      if (form === undefined || form === null || (typeof form !== 'string' && !type.endsWith('json'))) continue;
      if (lengthOf(form) <= (type.startsWith('text/') ? maxTextBytes : maxFormBytes) && this.#hasFew(type, form)) {
        bundle[type] = form;
        continue;
      }
      notes.push(this.#spill(type, form));
      if (type === 'text/plain') bundle[type] = `${form.slice(0, headLength)} …`;
    }
    if (notes.length > 0) bundle['text/plain'] = [bundle['text/plain'], ...notes].filter(Boolean).join('\n');
    return bundle;
  }

  /** Whether a form has so few values that they can be sent; counts them. */
  #hasFew(type, form) {
    if (!type.endsWith('json') || typeof form !== 'object') return true;
    let count = 0;
    let level = [form];
    for (let depth = 0; level.length > 0; depth++) {
      const holders = level.filter((value) => typeof value === 'object' && value !== null);
      level = holders.flatMap((value) => Object.values(value));
      count += level.length + holders.length;
      if (depth > maxDepth || this.values + count > maxValues) return false;
    }
    this.values += count;
    return true;
  }

  /** Writes a form that is too large to send into the workspace; returns a sentence that says where it is. */
  #spill(type, form) {
    const isBinary = type.startsWith('image/') && type !== 'image/svg+xml';
    const content = isBinary ? Buffer.from(form, 'base64') : typeof form === 'string' ? form : JSON.stringify(form);
    const what = `${type} of ${(content.length / (1 << 20)).toFixed(1)} MiB`;
    const ending = endings[type] ?? (type.endsWith('json') ? 'json' : 'bin');
    try {
      for (;;) {
        const name = `output_${++this.files}.${ending}`;
        try {
          fs.writeFileSync(`/mnt/data/${name}`, content, { flag: 'wx' });
          return `[${what}: too large to show, written to ${name}]`;
        } catch (error) {
          if (error.code !== 'EEXIST' || this.files > 10_000) throw error;
        }
      }
    } catch (error) {
      return `[${what}: too large to show, and not written: ${error.code}]`;
    }
  }

  #post(event) {
    const body = Buffer.from(JSON.stringify(event));
    const frame = Buffer.allocUnsafe(4 + body.length);
    frame.writeUInt32BE(body.length);
    body.copy(frame, 4);
    // A kernel that cannot report is useless.
    if (!writeAll(this.fd, frame)) process.reallyExit(70);
  }
}

function lengthOf(form) {
  return Buffer.byteLength(typeof form === 'string' ? form : (JSON.stringify(form) ?? ''));
}

module.exports = { Outbox };
