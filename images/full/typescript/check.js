// Stands behind the TypeScript compiler in one file, of which `node --build-snapshot` makes a process that has read its own library
// and that of Node: `node --snapshot-blob <blob> <source> <output>` tells what is wrong in a source, or makes the output.
(() => {
  const fs = require('node:fs');
  const path = require('node:path');
  const { setDeserializeMainFunction } = require('node:v8').startupSnapshot;

  const options = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ESNext,
    lib: ['lib.esnext.d.ts'],
    types: ['node'],
    typeRoots: ['/node_modules/@types'],
    // Names of modules as the runtime finds them, and top-level await in every source.
    module: ts.ModuleKind.Preserve,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    moduleDetection: ts.ModuleDetectionKind.Force,
    allowImportingTsExtensions: true,
    resolveJsonModule: true,
  };
  // A package without types is `any`: nobody can add them here.
  const moduleWithoutTypes = 7016;
  const library = '/node_modules/typescript/lib';
  const read = new Map();

  function diagnose(source) {
    const host = ts.createCompilerHost(options);
    const readSource = host.getSourceFile;
    Object.assign(host, {
      // The compiler's own answer is that of the process the snapshot was made of.
      getCurrentDirectory: () => process.cwd(),
      getDefaultLibLocation: () => library,
      getDefaultLibFileName: (options) => `${library}/${ts.getDefaultLibFileName(options)}`,
      getSourceFile(name, ...rest) {
        if (!name.startsWith('/node_modules/')) return readSource(name, ...rest);
        if (!read.has(name)) read.set(name, readSource(name, ...rest));
        return read.get(name);
      },
    });
    const found = ts.getPreEmitDiagnostics(ts.createProgram([path.resolve(source)], options, host));
    return ts.formatDiagnostics(
      found.filter(({ code }) => code !== moduleWithoutTypes),
      host,
    );
  }

  const sample = '/tmp/sample.ts';
  fs.writeFileSync(
    sample,
    'const lengths: Map<string, number> = new Map(process.argv.map((word) => [word, word.length]));',
  );
  const wrong = diagnose(sample);
  if (wrong) throw new Error(wrong);

  setDeserializeMainFunction(() => {
    const [, source, output] = process.argv;
    const wrong = diagnose(source);
    process.stderr.write(wrong);
    if (wrong) process.exitCode = 1;
    else fs.writeFileSync(output, 'checked\n');
  });
})();
