import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Progress } from '../host/index.ts';

export interface TierOptions {
  /** The tier's folder in the data directory. */
  readonly tierDir: string;
  /** The operator's own gVisor: nothing is fetched then. */
  readonly runsc?: string | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Brings gVisor's program into its folder, where it is missing: Debian's, which is one file without libraries. Nothing is installed on the
 * host, and later starts need no network. A few milliseconds when it is there.
 * @throws SetupError when it cannot be had
 */
export async function setupGvisor({ tierDir, runsc, progress, signal }: TierOptions): Promise<void> {
  const target = join(tierDir, 'runsc');
  if (runsc !== undefined || existsSync(target)) return;
  const { makeOpenFolder } = await import('./building-folder.ts');
  const { unpackPackages } = await import('./debian-packages.ts');
  const { debianArchitecture } = await import('./image-definition.ts');
  // Users of sandboxes pass through both.
  makeOpenFolder(dirname(tierDir), 0o711);
  makeOpenFolder(tierDir, 0o755);
  const folder = mkdtempSync(join(tierDir, '.making-'));
  try {
    const architecture = debianArchitecture(process.arch);
    const unpacked = await unpackPackages(['runsc'], { suite: 'trixie', architecture, folder, progress, signal });
    const program = join(unpacked, 'usr/bin/runsc');
    chmodSync(program, 0o755);
    renameSync(program, target);
  } finally {
    progress.end();
    rmSync(folder, { recursive: true, force: true });
  }
}
