import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/index.ts';
import { DragomanError, type Tier } from '../core/index.ts';
import { loadRuntimes } from '../engine/index.ts';
import { findIsolation } from '../sandbox/index.ts';
import { createLogger } from '../telemetry/index.ts';
import { tierOptions } from './tier.ts';
import type { Image } from './worker.ts';

/**
 * Does what a start with this tier does, up to one real sandbox, and removes it again. It writes nothing into the data
 * directory, so a service may run beside it.
 * @throws Error with the reason why there is no sandbox
 */
export async function makeTrialSandbox(
  config: Config,
  tier: Tier,
  { imageRoot, nativeDir, machine }: Omit<Image, 'imageId'>,
): Promise<void> {
  const runtimesDir = fileURLToPath(new URL('../../runtimes', import.meta.url));
  const { isolation, engine } = config;
  const templates = loadRuntimes(runtimesDir, imageRoot).templates.slice(0, 1);
  // Open to the users of sandboxes.
  const tierDir = mkdtempSync(join(tmpdir(), 'dragoman-tier-'));
  chmodSync(tierDir, 0o755);
  const kept = tierOptions(config, tier);
  const runsc = isolation.runsc ?? join(kept.tierDir, 'runsc');
  const backend = findIsolation(tier).create({
    imageRoot,
    nativeDir,
    machine,
    guestDir: fileURLToPath(new URL('../../guest', import.meta.url)),
    runtimesDir,
    templates,
    sandboxUid: isolation.sandboxUid,
    diskReadBytes: isolation.diskReadBytes,
    tierDir,
    runsc,
    logger: createLogger({ level: 'silent', format: 'json' }),
  });
  try {
    await backend.start();
    await (await backend.create({ template: templates[0]!.name, limits: engine.limits })).destroy();
  } catch (error) {
    throw error instanceof DragomanError && error.cause instanceof Error ? error.cause : error;
  } finally {
    await backend.close();
    rmSync(tierDir, { recursive: true, force: true });
  }
}
