import { fileURLToPath } from 'node:url';
import { loadRuntimes } from '../../../src/engine/index.ts';
import { findIsolation } from '../../../src/sandbox/index.ts';
import { imageRoot, nativeDir } from '../../support/image.ts';
import { tierOptions } from '../../support/tier.ts';
import { describeBackend } from './suite.ts';

describeBackend('namespaces', async () => {
  const path = (folder: string) => fileURLToPath(new URL(`../../../${folder}`, import.meta.url));
  const root = await imageRoot();
  const { templates, sessionKind, find } = loadRuntimes(path('runtimes'), root);
  const backend = findIsolation('namespaces').create({
    ...(await tierOptions('namespaces')),
    imageRoot: root,
    nativeDir: await nativeDir(),
    guestDir: path('guest'),
    runtimesDir: path('runtimes'),
    templates: templates.filter(({ name }) => name === sessionKind().template),
    sandboxUid: 2_000_000_000,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  await backend.start();
  return { backend, template: sessionKind().template, kernel: find('python')!.kernel!.start };
});
