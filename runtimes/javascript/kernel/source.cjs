'use strict';
// A cell as V8's console takes it: types gone, `import` and `export` turned into what a script may say. Lines stay where they are.

const module_ = require('node:module');
const vm = require('node:vm');
const { hasDecorators, withoutDecorators } = require('../decorators.cjs');
const { statements } = require('./scanner.cjs');

/** Source maps of cells whose lines were moved, by their file. */
const maps = new Map();

/** {code, source, file}. @throws SyntaxError of types, with what to print of it as `cellLines` */
function prepare(source, file, language) {
  if (language !== 'typescript') return { code: asScript(source), source, file };
  const code = asScript(withoutTypes(source, file));
  return { code: hasDecorators(code) ? asScript(plain(source, file)) : code, source, file };
}

/** Where in its source a position of a cell's code is; {line, column} from 0. */
function positionOf(file, position) {
  const entry = maps.get(file)?.findEntry(position.line, position.column);
  return entry?.originalLine === undefined ? position : { line: entry.originalLine, column: entry.originalColumn };
}

/** Types become blanks; what needs more than that (enums, namespaces) is translated, and then lines move. */
function withoutTypes(source, file) {
  try {
    return module_.stripTypeScriptTypes(source, { mode: 'strip' });
  } catch (error) {
    if (error.code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') throw tidied(error, file);
  }
  let made;
  try {
    made = module_.stripTypeScriptTypes(source, { mode: 'transform', sourceMap: true, sourceUrl: file });
  } catch (error) {
    throw tidied(error, file);
  }
  const at = made.lastIndexOf('//# sourceMappingURL=');
  const encoded = made.slice(made.indexOf(',', at) + 1).trim();
  maps.set(file, new module_.SourceMap(JSON.parse(Buffer.from(encoded, 'base64').toString())));
  return made.slice(0, made.lastIndexOf('\n', at));
}

function plain(source, file) {
  const { code, map } = withoutDecorators(source, file);
  if (map) maps.set(file, new module_.SourceMap(map));
  return code;
}

/** The stripper's complaint with the place in the cell and without the place in our own code. */
function tidied(error, file) {
  const [excerpt] = String(error.stack).split(/^SyntaxError/m);
  const plain = new SyntaxError(error.message);
  plain.cellLines = [...`${file}${excerpt}`.trimEnd().split('\n'), '', `SyntaxError: ${error.message.trimEnd()}`];
  return plain;
}

function asScript(code) {
  return asExpression(withoutModules(code));
}

/** A cell that is an object literal means the object, as in every console. */
function asExpression(code) {
  if (!/^\s*\{/.test(code) || /;\s*$/.test(code)) return code;
  try {
    new vm.Script(`async () => (${code}\n)`);
    return `(${code}\n)`;
  } catch {
    return code;
  }
}

function withoutModules(code) {
  if (!/\b(?:import|export)\b/.test(code)) return code;
  let made = '';
  let at = 0;
  for (const { start, end, text } of statements(code)) {
    made += code.slice(at, start) + text + '\n'.repeat(linesIn(code.slice(start, end)) - linesIn(text));
    at = end;
  }
  return made + code.slice(at);
}

function linesIn(text) {
  return text.split('\n').length - 1;
}

module.exports = { positionOf, prepare };
