'use strict';
// What a cell finds in its global scope beside what node has there.

const { pathToFileURL } = require('node:url');
const { createRequire } = require('node:module');
const vm = require('node:vm');
const { formsOf } = require('./forms.cjs');

/** The kernel's working directory when it starts. */
const folder = process.cwd();
const here = `${folder}/cell.js`;

/** process.exit() in a cell: the end of the cell, not of the interpreter. */
class ExitRequest extends Error {
  constructor(code) {
    super('exit');
    this.code = code;
  }
}

/** `import` as if from a file of the workspace; a package that only `require` finds (NODE_PATH) is found as well. */
function importer() {
  const script = new vm.Script('(specifier, options) => import(specifier, options)', {
    filename: here,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const load = script.runInThisContext();
  return async (specifier, options) => {
    try {
      return await load(String(specifier), options);
    } catch (error) {
      if (error?.code !== 'ERR_MODULE_NOT_FOUND' || /^[./]|:/.test(specifier)) throw error;
      let found;
      try {
        found = globalThis.require.resolve(specifier);
      } catch {
        throw error;
      }
      return load(pathToFileURL(found).href, options);
    }
  };
}

function prepareGlobals(outbox) {
  const hidden = (name, value) =>
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  hidden('require', createRequire(here));
  hidden('module', { exports: {} });
  hidden('exports', globalThis.module.exports);
  hidden('__dirname', folder);
  hidden('__filename', here);
  // What `import` in a cell becomes (source.cjs).
  hidden('__import', importer());
  hidden('__meta', {
    url: pathToFileURL(here).href,
    dirname: folder,
    filename: here,
    resolve: (name) => globalThis.require.resolve(name),
  });
  /** Shows values in all their forms; `display(bundle, {raw: true})` takes forms by MIME type. */
  hidden('display', (...values) => {
    const options = values.length === 2 && values[1]?.raw === true ? values.pop() : {};
    for (const value of values) outbox.show('display', options.raw ? value : formsOf(value, outbox.isPlain));
  });
  process.argv = [process.execPath, here];
  process.exit = (code = process.exitCode) => {
    throw new ExitRequest(Number(code ?? 0) & 0xff);
  };
}

module.exports = { ExitRequest, prepareGlobals };
