'use strict';
// Errors as node would print them, without frames of ours.

const { inspect } = require('node:util');

const { positionOf } = require('./source.cjs');

const ours =
  /^\s+(?:at .*(?:\/opt\/dragoman\/|node:inspector|node:internal\/(?:process\/task_queues|timers|modules\/run_main))|\.\.\. \d+ lines matching)/;
const maxLines = 300;
const hidden = /^(?:\/opt\/dragoman\/|node:inspector|node:internal\/process\/task_queues)/;

/** Takes our frames out of every error's `stack`, which a cell may print by itself. */
function hideFrames() {
  Error.prepareStackTrace = (error, frames) => {
    const theirs = frames.filter((frame) => !hidden.test(frame.getFileName() ?? ''));
    // An error without any frame is shown in brackets.
    const kept = theirs.length > 0 ? theirs : frames;
    return [headOf(error), ...kept.map((frame) => `    at ${frame}`)].join('\n');
  };
}

function headOf(error) {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return '<error>';
  }
}

/** {name, value, lines} of anything that was thrown; `cell` ({source, file}) is where, if known. */
function report(error, cell) {
  try {
    if (!(error instanceof Error)) {
      const text = typeof error === 'string' ? error : inspect(error);
      return { name: 'Uncaught', value: text, lines: [`Uncaught ${text}`] };
    }
    const lines = error.cellLines ?? linesOf(error);
    const place = error.cellPosition && cell ? excerpt(cell, error.cellPosition) : [];
    const all = [...place, ...lines];
    if (all.length > maxLines) all.splice(maxLines, all.length, '…');
    return { name: String(error.name), value: String(error.message), lines: all };
  } catch {
    // An error may lie about itself in any way.
    return { name: 'Error', value: 'an error that cannot be shown', lines: ['Uncaught error that cannot be shown'] };
  }
}

function linesOf(error) {
  const kept = [];
  for (const line of inspect(error, { depth: 4 }).split('\n')) {
    if (!ours.test(line)) kept.push(original(line));
    // The brace before an error's own properties stands behind its last frame.
    else if (line.endsWith(' {') && kept.length > 0) kept[kept.length - 1] += ' {';
  }
  return kept;
}

/** The line an error of syntax is in, as node shows it. */
function excerpt({ source, file }, position) {
  const { line, column } = positionOf(file, position);
  const text = source.split('\n')[line];
  return text === undefined ? [] : [`${file}:${line + 1}`, text, `${' '.repeat(Math.min(column, text.length))}^`, ''];
}

/** A frame in a cell whose lines were moved by its translation, where it was written. */
function original(line) {
  return line.replace(/(cell-\d+\.ts):(\d+):(\d+)/, (_, file, row, column) => {
    const at = positionOf(file, { line: row - 1, column: column - 1 });
    return `${file}:${at.line + 1}:${at.column + 1}`;
  });
}

module.exports = { hideFrames, report };
