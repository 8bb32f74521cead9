'use strict';
// Decorators of TypeScript and what comes with them (`accessor`), which node does not translate.

const vm = require('node:vm');

/**
 * Whether V8, which knows everything else of today's language, stumbles over one.
 * @param {string} code without types
 * @param {string} source what it was made of
 */
function hasDecorators(code, source = code) {
  if (!/(?:^|[\s;{}(,])(?:@[\w$(]|accessor\s)/.test(source)) return false;
  try {
    new vm.Script(`async () => {${code}\n}`);
    return false;
  } catch {
    return true;
  }
}

/** {code, map}: what only the compiler of TypeScript itself translates; loading it takes a while. */
function withoutDecorators(source, file) {
  let ts;
  try {
    ts = require('/node_modules/typescript');
  } catch {
    return { code: source }; // An image without it; V8 says what is wrong.
  }
  const { outputText, sourceMapText } = ts.transpileModule(source, {
    fileName: file,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.Preserve,
      sourceMap: true,
      // Those of frameworks, where the source says that it means them by a parameter's or a metadata's.
      experimentalDecorators: /\b(?:reflect-metadata|emitDecoratorMetadata)\b/.test(source),
    },
  });
  return { code: outputText.slice(0, outputText.lastIndexOf('//# sourceMappingURL=')), map: JSON.parse(sourceMapText) };
}

module.exports = { hasDecorators, withoutDecorators };
