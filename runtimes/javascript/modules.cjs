'use strict';
// How a program finds and loads modules, beyond what node does: as bundlers and other runtimes do it.

const fs = require('node:fs');
const { pathToFileURL } = require('node:url');

// An import may leave out a file's ending: these are tried after the name as it is.
const endings = ['.ts', '.js', '.mjs', '.cjs', '.mts', '.json', '/index.ts', '/index.js'];

/** What takes types away. It loads a translator, which few programs of JavaScript need. */
let types;

function typeStripper() {
  types ??= require('./types.cjs');
  return types;
}

/**
 * The hooks of a program.
 * @param {{ entry: string, stays: boolean }} orders unless it stays, the program's file goes once it is read, because the user's folder
 *   holds the user's files
 */
function hooks({ entry, stays }) {
  const main = pathToFileURL(entry).href;
  /** Its text, once the file is gone: node takes a module for a script first, and then asks again. */
  let text;

  function resolve(specifier, context, next) {
    if (text !== undefined && (specifier === main || specifier === entry))
      return { url: main, format: entry.endsWith('.ts') ? 'module-typescript' : 'module', shortCircuit: true };
    return withJson(withEnding(specifier, context, next));
  }

  function load(url, context, next) {
    const loaded = read(url, context, next);
    if (!isTyped(url)) return loaded;
    // Where the types stay, the module is not right, and node says what is wrong in its own words.
    return typeStripper().withoutTypes(url, loaded) ?? (context.format ? loaded : next(url, context));
  }

  function read(url, context, next) {
    if (url === main && text !== undefined) return { format: context.format, source: text, shortCircuit: true };
    // To find a format itself, node would load its own stripper.
    const loaded = next(url, isTyped(url) ? { ...context, format: context.format ?? 'typescript' } : context);
    if (url === main && !stays) {
      text = fs.readFileSync(entry);
      fs.unlinkSync(entry);
    }
    return loaded;
  }

  return { resolve, load };
}

function isTyped(url) {
  return /\.[mc]?ts$/.test(url);
}

function withEnding(specifier, context, next) {
  if (!/^\.{0,2}\//.test(specifier)) return next(specifier, context);
  try {
    return next(specifier, context);
  } catch (error) {
    for (const ending of endings) {
      try {
        return next(specifier + ending, context);
      } catch {}
    }
    throw error;
  }
}

/** An import of JSON need not say that it is one. */
function withJson(resolved) {
  if (!/\.json(?:[?#]|$)/.test(resolved.url) || resolved.importAttributes?.type) return resolved;
  return { ...resolved, importAttributes: { ...resolved.importAttributes, type: 'json' } };
}

module.exports = { hooks, typeStripper };
