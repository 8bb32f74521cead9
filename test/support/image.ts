import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/config/index.ts';
import { createProgress } from '../../src/host/index.ts';
import { machineFiles, nativeHelper, setup } from '../../src/images/index.ts';

let root: Promise<string> | undefined;
let native: Promise<string> | undefined;

/**
 * The image every test shares: the one `npm start` would use. A server under test gets a data directory of its own but not a
 * build of its own.
 */
export function imageRoot(): Promise<string> {
  root ??= findRoot();
  return root;
}

async function findRoot(): Promise<string> {
  const { isolation, stores } = loadConfig();
  const { imageRoot } = await setup({
    dataDir: stores.dataDir,
    image: isolation.image,
    definitionsDir: fileURLToPath(new URL('../../images', import.meta.url)),
    node: { binary: process.execPath, version: process.version },
    progress: createProgress({ stream: process.stderr }),
    interactive: false,
  });
  return imageRoot;
}

/** The folder of the compiled helper, which every test shares too. */
export function nativeDir(): Promise<string> {
  native ??= makeNative();
  return native;
}

async function makeNative(): Promise<string> {
  return nativeHelper({
    sourceDir: fileURLToPath(new URL('../../guest/native', import.meta.url)),
    imageRoot: await imageRoot(),
    places: [join(loadConfig().stores.dataDir, 'images')],
    progress: createProgress({ stream: process.stderr }),
    interactive: false,
  });
}

let machine: ReturnType<typeof machineFiles> | undefined;

/** What virtual machines are made of, which every test shares too. */
export function machineFilesOf(): ReturnType<typeof machineFiles> {
  machine ??= makeMachineFiles();
  return machine;
}

async function makeMachineFiles() {
  const { isolation, stores } = loadConfig();
  const common = { progress: createProgress({ stream: process.stderr }), interactive: false, dataDir: stores.dataDir };
  const { imageRoot: root, imageId } = await setup({
    ...common,
    image: isolation.image,
    definitionsDir: fileURLToPath(new URL('../../images', import.meta.url)),
    node: { binary: process.execPath, version: process.version },
  });
  return machineFiles({ ...common, imageRoot: root, imageId });
}
