'use strict';
// What a kernel says about code that is being written. Nothing of the code runs: V8 refuses what would have an effect.

const vm = require('node:vm');
const { post } = require('./evaluate.cjs');
const variables = require('./variables.cjs');

const answerType = 'application/vnd.dragoman.answer+json';
const maxMatches = 200;
const maxText = 500;
const evaluateMs = 200;

/** The answer to a question {kind, cursor}. */
async function answer({ kind, cursor }, code, language) {
  if (kind === 'variables') return { variables: await variables.listed() };
  return kind === 'complete' ? complete(code, cursor) : isComplete(code, language);
}

async function complete(code, cursor) {
  // Places are counted in characters, and a character may be two units.
  const before = Array.from(code).slice(0, cursor).join('');
  const [, base, begun] =
    /((?:[\p{ID_Start}$_][\p{ID_Continue}$]*\??\.)*)([\p{ID_Start}$_][\p{ID_Continue}$]*)?$/u.exec(before);
  const start = Array.from(before).length - Array.from(begun ?? '').length;
  const names = base === '' ? await globalNames() : await membersOf(base.replace(/\??\.$/, ''));
  const matches = [...new Set(names)]
    .filter(
      (name) =>
        name.startsWith(begun ?? '') && name.length <= maxText && /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name),
    )
    .sort()
    .slice(0, maxMatches);
  return { matches, start, end: start + Array.from(begun ?? '').length };
}

async function globalNames() {
  const { names } = await post('Runtime.globalLexicalScopeNames', {});
  return [...names, ...Object.getOwnPropertyNames(globalThis)];
}

async function membersOf(expression) {
  const objectGroup = 'answer';
  const { result, exceptionDetails } = await post('Runtime.evaluate', {
    expression,
    throwOnSideEffect: true,
    timeout: evaluateMs,
    silent: true,
    objectGroup,
  });
  try {
    if (exceptionDetails) return [];
    if (result.objectId === undefined)
      return namesOf({ string: '', number: 0, boolean: false, bigint: 0n }[result.type]);
    const { result: properties } = await post('Runtime.getProperties', {
      objectId: result.objectId,
      ownProperties: false,
    });
    return properties.map(({ name }) => name);
  } finally {
    await post('Runtime.releaseObjectGroup', { objectGroup });
  }
}

/** The members of a plain value. */
function namesOf(value) {
  return value === undefined ? [] : Object.getOwnPropertyNames(Object.getPrototypeOf(value));
}

function isComplete(code, language) {
  try {
    new vm.Script(code);
    return { status: 'complete', indent: '' };
  } catch (error) {
    if (/Unexpected end of input|Unterminated template|missing \) after/.test(error.message))
      return { status: 'incomplete', indent: '' };
    // What only a module, an async function or TypeScript may say is wrong here, and right in a cell.
    const isOurs = language === 'typescript' || /await|import|export/.test(code);
    return { status: isOurs ? 'complete' : 'invalid', indent: '' };
  }
}

module.exports = { answer, answerType };
