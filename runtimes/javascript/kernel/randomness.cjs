'use strict';
// Of a kernel that is a copy of another one: V8 and OpenSSL do not know of it, and their generators would go on as those of the other do.

const fs = require('node:fs');

/** Random ids are made ahead, so many at a time. */
const idsAhead = 128;
const poolBytes = 4096;

/** Replaces `Math.random`, whose seed cannot be changed, by one over the system's randomness, and drops what was made ahead. */
function renewRandomness() {
  const pool = Buffer.alloc(poolBytes);
  let at = poolBytes;
  const device = fs.openSync('/dev/urandom', 'r');
  const random = () => {
    if (at === poolBytes) {
      fs.readSync(device, pool, 0, poolBytes, null);
      at = 0;
    }
    at += 8;
    return Number(pool.readBigUInt64LE(at - 8) >> 11n) / 2 ** 53;
  };
  Object.defineProperty(Math, 'random', { value: random, writable: true, enumerable: false, configurable: true });
  for (let id = 0; id < idsAhead; id++) require('node:crypto').randomUUID();
}

module.exports = { renewRandomness };
