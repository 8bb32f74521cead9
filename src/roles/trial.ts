import { fileURLToPath } from 'node:url';
import type { Config } from '../config/index.ts';
import { DragomanError } from '../core/index.ts';
import { loadRuntimes } from '../engine/index.ts';
import { findIsolation } from '../sandbox/index.ts';
import { createLogger } from '../telemetry/index.ts';
import type { Image } from './worker.ts';

/**
 * Does what a start does, up to one real sandbox, and removes it again. It needs no data directory, so a service may run beside it.
 * @throws Error with the reason why there is no sandbox
 */
export async function makeTrialSandbox(
  config: Config,
  { imageRoot, nativeDir, machine }: Omit<Image, 'imageId'>,
): Promise<void> {
  const runtimesDir = fileURLToPath(new URL('../../runtimes', import.meta.url));
  const { isolation, engine } = config;
  const templates = loadRuntimes(runtimesDir, imageRoot).templates.slice(0, 1);
  const backend = findIsolation(isolation.backend).create({
    imageRoot,
    nativeDir,
    machine,
    guestDir: fileURLToPath(new URL('../../guest', import.meta.url)),
    runtimesDir,
    templates,
    sandboxUid: isolation.sandboxUid,
    diskReadBytes: isolation.diskReadBytes,
    logger: createLogger({ level: 'silent', format: 'json' }),
  });
  try {
    await backend.start();
    await (await backend.create({ template: templates[0]!.name, limits: engine.limits })).destroy();
  } catch (error) {
    throw error instanceof DragomanError && error.cause instanceof Error ? error.cause : error;
  } finally {
    await backend.close();
  }
}
