'use strict';
// Waits, already started, for its orders on descriptor 3 (JSON, then the end of the stream), then becomes the program.

const fs = require('node:fs');
const { begin, warm } = require('./begin.cjs');

warm();
const orders = JSON.parse(fs.readFileSync(3, 'utf8'));
fs.closeSync(3);
begin(orders);
