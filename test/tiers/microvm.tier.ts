import { fileURLToPath } from 'node:url';
import { loadRuntimes } from '../../src/engine/index.ts';
import { findIsolation } from '../../src/sandbox/index.ts';
import { describeBackend } from '../conformance/sandbox/suite.ts';
import { imageRoot, machineFilesOf, nativeDir } from '../support/image.ts';

describeBackend('microvm', async () => {
  const path = (folder: string) => fileURLToPath(new URL(`../../${folder}`, import.meta.url));
  const root = await imageRoot();
  const { templates, sessionKind, find } = loadRuntimes(path('runtimes'), root);
  const backend = findIsolation('microvm').create({
    imageRoot: root,
    nativeDir: await nativeDir(),
    guestDir: path('guest'),
    runtimesDir: path('runtimes'),
    templates: templates.filter(({ name }) => name === sessionKind().template),
    sandboxUid: 2_000_000_000,
    machine: await machineFilesOf(),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  await backend.start();
  return { backend, template: sessionKind().template, kernel: find('python')!.kernel!.start };
});
