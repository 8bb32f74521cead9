'use strict';
// The JavaScript and TypeScript kernel: cells come as frames on descriptor 3, events go as frames to 4 (kernel_link.py), and a
// line on 5 names a cell to interrupt. Cells run in this process' own global scope, as they would in a browser's console.

const { Interrupts } = require('./interrupts.cjs');
const { takeStreams } = require('./streams.cjs');

takeStreams(() => outbox.settle());
process.on('SIGINT', () => {});
// A thread takes as long to start as all the rest: it does so meanwhile, and finds what was asked of it before it was there.
const interrupts = new Interrupts(interrupt, finish);
interrupts.watch();

const fs = require('node:fs');
const net = require('node:net');

const { Outbox } = require('./outbox.cjs');
const { prepareGlobals, ExitRequest } = require('./globals.cjs');
const { ask, evaluate, post, warmUp } = require('./evaluate.cjs');
const { formsOf } = require('./forms.cjs');
const { hideFrames, report } = require('./errors.cjs');
const { prepare } = require('./source.cjs');
const timers = require('./timers.cjs');
const { answer, answerType } = require('./answers.cjs');
const { renewRandomness } = require('./randomness.cjs');
const { KernelState } = require('./state/index.cjs');
const { createTools, ToolExecutionError } = require('../tools.cjs');

const ordersFd = 3;
const eventsFd = 4;
const interruptComesMs = 5000;

const outbox = new Outbox(eventsFd, hear);
const orders = [];
/** Of the next order, as much as has come. */
let buffered = Buffer.alloc(0);
/** The cell that runs: {name, code}, `code` undefined until it has ended. */
let running;
let count = 0;
const state = new KernelState(ask, post);
/** An order about the state is being carried out. */
let isBusy = false;

function next() {
  const order = running || isBusy ? undefined : orders.shift();
  if (!order) return;
  if (order.snapshot !== undefined || order.restore !== undefined) {
    obey(order).then(next);
    return;
  }
  running = { name: order.cell, code: undefined, before: environmentWith(order.env ?? {}) };
  outbox.begin(order.cell);
  outbox.isPlain = Boolean(order.manner);
  timers.begin();
  interrupts.begin(order.cell);
  // What a cell would have its process end with is its own.
  process.exitCode = undefined;
  if (order.tools?.length) Object.assign(globalThis, { tools: createTools(order.tools), ToolExecutionError });
  outbox.begun();
  const cell = running;
  // From an empty stack, so that nothing of ours is in the traces.
  Promise.resolve(order)
    .then(run)
    .then((code) => end(cell, code));
}

/** Sets variables of the environment, and removes those that are null; returns what was there before. */
function environmentWith(variables) {
  const before = {};
  for (const [name, value] of Object.entries(variables)) {
    before[name] = process.env[name] ?? null;
    if (value === null) delete process.env[name];
    else process.env[name] = value;
  }
  return before;
}

/** Carries out an order about the state. */
async function obey(order) {
  let isDone = false;
  isBusy = true;
  if (order.snapshot !== undefined) {
    isDone = state.save(order);
  } else if (count === 0) {
    const report = await state.restore();
    isDone = report !== undefined;
    if (isDone) outbox.tell({ event: 'restored', report });
  }
  isBusy = false;
  outbox.tell({ event: 'done', cell: order.snapshot ?? order.restore, code: isDone ? 0 : 1 });
}

/** Runs one cell; resolves with its exit code. */
async function run({ code, language, question, manner }) {
  if (question) {
    try {
      outbox.show('result', { [answerType]: await answer(question, code, language) });
      return 0;
    } catch {
      // Cells may have changed what it is made with. A question that fails has no answer.
      return 1;
    }
  }
  count++;
  const file = `cell-${count}.${language === 'typescript' ? 'ts' : 'js'}`;
  let cell;
  try {
    cell = prepare(code, file, language);
    const value = await evaluate(cell);
    if (value !== undefined && !manner?.isSilent) outbox.show('result', formsOf(value, outbox.isPlain));
    return Number(process.exitCode ?? 0) & 0xff;
  } catch (error) {
    // What V8 says of a cell that was stopped: the interrupt itself is on its way.
    if (error?.code === 'ERR_INSPECTOR_COMMAND') await timers.moment(interruptComesMs);
    return fail(error, cell);
  }
}

/** Reports what ended a cell; returns its exit code. */
function fail(error, cell) {
  if (error instanceof ExitRequest) return error.code;
  state.explain(error);
  const { name, value, lines } = report(error, cell);
  // A client that is a notebook itself gets an error apart.
  if (!outbox.isPlain) outbox.print(`${lines.join('\n')}\n`);
  outbox.error(name, value, lines);
  return 1;
}

/** An error that nothing awaited: said, and as bad as any, but the interpreter stays. */
function uncaught(error) {
  if (!(error instanceof ExitRequest)) fail(error, undefined);
  else if (running) end(running, error.code);
}

/** Ends the running cell as Ctrl-C would; what it was waiting for does not go on. */
function interrupt() {
  if (!running || running.code !== undefined) return;
  timers.cancel();
  if (!outbox.isPlain) outbox.print('Interrupted\n');
  outbox.error('Interrupted', 'the cell was interrupted', ['Interrupted']);
  end(running, 1);
}

function end(cell, code) {
  if (cell !== running || cell.code !== undefined) return;
  cell.code = code;
  // A turn later, for what promises still have to say about this cell.
  timers.turn(finish);
}

/** Says that the cell has ended, once no interrupt is about to stop what runs here. Called again when that is over. */
function finish() {
  if (!running || running.code === undefined || interrupts.pending) return;
  const { code, before } = running;
  running = undefined;
  environmentWith(before);
  // Without it there is no next cell: the end of this one is then the end of the kernel.
  try {
    fs.fstatSync(ordersFd);
  } catch {
    process.reallyExit(70);
  }
  interrupts.begin('');
  outbox.done(code === 0 && outbox.failed ? 1 : code);
  next();
}

function take(chunk) {
  buffered = buffered.length ? Buffer.concat([buffered, chunk]) : chunk;
  while (buffered.length >= 4 && buffered.length >= 4 + buffered.readUInt32BE(0)) {
    const end = 4 + buffered.readUInt32BE(0);
    const order = JSON.parse(buffered.toString('utf8', 4, end));
    buffered = buffered.subarray(end);
    if ('seen' in order) outbox.seen = order.seen;
    else if ('renew' in order) renewRandomness();
    else orders.push(order);
  }
}

/** Takes in what has come while a cell keeps this thread to itself. */
function hear() {
  const part = Buffer.allocUnsafe(4096);
  try {
    take(part.subarray(0, fs.readSync(ordersFd, part)));
  } catch (error) {
    if (error.code !== 'EAGAIN') outbox.seen = outbox.marks;
  }
}

function listen() {
  const link = new net.Socket({ fd: ordersFd, readable: true, writable: false });
  link.on('data', (chunk) => {
    take(chunk);
    next();
  });
  link.on('close', () => process.reallyExit(0));
}

process.on('uncaughtException', uncaught);
process.on('unhandledRejection', uncaught);
timers.wrap(interrupts.stopping);
prepareGlobals(outbox);
hideFrames();
warmUp()
  .then(() => state.begin())
  .then(listen);
