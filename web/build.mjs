// Builds the pages into dist/ui: the application, and the script of the frames that show what programs made.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const web = dirname(fileURLToPath(import.meta.url));
const project = dirname(web);
const out = join(project, 'dist/ui');
const made = `${out}.${process.pid}`;

const shared = { root: web, configFile: false, logLevel: 'warn', base: '/ui/' };
/** Every browser that runs these pages reads woff2. */
const oneFontFormat = {
  name: 'one-font-format',
  enforce: 'pre',
  transform: (code, id) =>
    id.includes('katex') && id.endsWith('.css')
      ? code.replace(/,url\([^)]*\.(?:woff|ttf)\) format\("\w+"\)/g, '')
      : undefined,
};

rmSync(made, { recursive: true, force: true });
await build({
  ...shared,
  html: { cspNonce: '__NONCE__' },
  plugins: [oneFontFormat],
  // JSX is that of Preact.
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: made,
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    manifest: 'manifest.json',
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
    rolldownOptions: { output: { comments: { legal: false } }, checks: { pluginTimings: false } },
  },
});

const frame = await build({
  ...shared,
  build: {
    write: false,
    target: 'es2023',
    lib: { entry: join(web, 'src/frame/frame.ts'), name: 'frame', formats: ['iife'], fileName: 'frame' },
  },
});
const [{ output }] = [frame].flat();
const scripts = {
  frame: keep('frame', output[0].code),
  plotly: keep(
    'plotly',
    readFileSync(join(project, 'node_modules/plotly.js-cartesian-dist-min/plotly-cartesian.min.js')),
  ),
};
writeFileSync(join(made, 'frame.json'), JSON.stringify(scripts));
rmSync(out, { recursive: true, force: true });
mkdirSync(dirname(out), { recursive: true });
renameSync(made, out);

/** Writes a script under a name with its digest, so that browsers may keep it for good. */
function keep(name, content) {
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 10);
  const file = `assets/${name}-${digest}.js`;
  writeFileSync(join(made, file), content);
  return file;
}
