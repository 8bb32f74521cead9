'use strict';
// Is forked as it waits, by the helper (guest/native/node.c): each fork becomes a program. Its arguments are
// descriptors: the entrances of control groups.

const fs = require('node:fs');
const v8 = require('node:v8');
const vm = require('node:vm');
const { begin, typeStripper, warm } = require('./begin.cjs');

typeStripper().warm();
warm();

const helper = { exports: {} };
process.dlopen(helper, '/opt/dragoman/native/node.so');
const { serve, orders, end, used } = helper.exports;

const rehearsal = '/tmp/rehearsal.js';
fs.writeFileSync(rehearsal, 'console.log([42], { a: "text" }); process.stdout.write("");');

// What is no longer needed would be copied by forks.
v8.setFlagsFromString('--expose-gc');
vm.runInNewContext('gc')();
v8.setFlagsFromString('--no-expose-gc');

const isProgram = serve(process.argv.slice(2).map(Number)) === 1;
if (!isProgram) process.on('exit', used);

// A fork. What node has noted of the process that it was:
process.chdir('/mnt/data');
// The thread that waits for this signal cannot be held.
process.execArgv = process.execArgv.filter((word) => word !== '--disable-sigusr1');
Object.defineProperty(process, 'pid', {
  value: Number(fs.readlinkSync('/proc/self')),
  enumerable: true,
  configurable: true,
});
const sinceLoaded = process.uptime;
const passed = sinceLoaded();
process.uptime = function uptime() {
  return sinceLoaded() - passed;
};
if (isProgram) endAtOnce();
begin(isProgram ? JSON.parse(orders()) : { entry: rehearsal, args: [], stays: true });

/** A program that has ended well does not take node apart, which takes milliseconds. */
function endAtOnce() {
  const last = (code) => {
    const isLast = process.listeners('exit').at(-1) === last && !Object.hasOwn(process, 'emit');
    if (code === 0 && !process.exitCode && isLast && !isKeptOpen()) end();
  };
  process.on('beforeExit', () => process.off('exit', last).on('exit', last));
}

/** A database, or code of an addon, may have something to do as node ends. */
function isKeptOpen() {
  return (
    process.moduleLoadList.includes('Internal Binding sqlite') ||
    Object.keys(require.cache).some((name) => name.endsWith('.node'))
  );
}
