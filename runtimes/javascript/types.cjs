'use strict';
// Types of TypeScript, taken away before a module runs.

const vm = require('node:vm');
const { hasDecorators, withoutDecorators } = require('./decorators.cjs');

/** Translates; null in an image without it. Loading it takes a tenth of what node's own stripper takes. */
let translator;

function loadTranslator() {
  if (translator === undefined) {
    try {
      translator = require('/node_modules/oxc-transform').transformSync;
    } catch {
      translator = null;
    }
  }
  return translator;
}

/** Translates a first program, so that the next one is faster. */
function warm() {
  const source = 'const warm: number = 1; enum E { A }';
  if (!translated(source, 'file:///main.ts'))
    require('node:module').stripTypeScriptTypes(source, { mode: 'transform' });
}

/**
 * What a load hook says of a module of TypeScript, given what was read: JavaScript, and whether it is CommonJS or a module. Undefined: it
 * cannot be translated.
 */
function withoutTypes(url, loaded) {
  const source = typeof loaded.source === 'string' ? loaded.source : Buffer.from(loaded.source ?? '').toString();
  const made = translated(source, url);
  if (!made) return undefined;
  // Decorators are what V8 does not know.
  const { code, map } = hasDecorators(made.code, source) ? withoutDecorators(source, url) : made;
  return { ...loaded, source: code + mapComment(map, url), format: untypedFormat(loaded.format) ?? formatOf(code) };
}

/** {code, map}; undefined where it cannot be had. */
function translated(source, url) {
  const made = loadTranslator()?.(new URL(url).pathname, source, { lang: 'ts', sourcemap: true });
  return made?.errors.length === 0 ? made : undefined;
}

/** By which node tells lines of the source in traces. */
function mapComment(map, url) {
  if (!map) return '';
  const encoded = Buffer.from(JSON.stringify({ ...map, sources: [url] })).toString('base64');
  return `\n//# sourceMappingURL=data:application/json;base64,${encoded}`;
}

function untypedFormat(format) {
  return format === 'typescript' ? undefined : format?.replace('-typescript', '');
}

/** As node tells them apart: a module is what cannot be the body of a function. */
function formatOf(code) {
  if (!/\b(?:import|export|await)\b/.test(code)) return 'commonjs';
  try {
    new vm.Script(`(function (exports, require, module, __filename, __dirname) {${code}\n})`);
    return 'commonjs';
  } catch {
    return 'module';
  }
}

module.exports = { warm, withoutTypes };
