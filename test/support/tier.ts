import { chmodSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/index.ts';
import type { Tier } from '../../src/core/index.ts';
import { createProgress } from '../../src/host/index.ts';
import { setupGvisor } from '../../src/images/index.ts';

/** What is different in a tier by its nature, so that a test expects it. Everything else is the same in all of them. */
interface Nature {
  /** How a call through another architecture's table ends: the kernel of a tier may have no such table. */
  readonly foreignCall: 'killed' | 'refused';
  /** A Python program hears of its memory limit; else the kernel ends it. */
  readonly tellsOfMemory: boolean;
  /** A fork copies what it touches in pieces of megabytes, so processes without end reach the limit of memory before theirs: the sandbox's end. */
  readonly copiesLargely: boolean;
  /** Who asks to read past the page cache does. */
  readonly readsPastCache: boolean;
  /** Programs inside are processes of the host's. */
  readonly showsPrograms: boolean;
  /** Files of a sandbox are in it alone: those of one that is killed before they were read are lost, and the result says that some are. */
  readonly losesFiles: boolean;
  /** Its kernel reads a packed image and caches it: what is read from the disk is what the host reads for it. */
  readonly readsPackedImage: boolean;
  /** Objects of its kernel that are one pool for all sandboxes elsewhere, and here one for each: terminals, files in scratch space. */
  readonly hasOwnPools: boolean;
  /** How many times as long as elsewhere things take in it, at the worst: where there is no KVM, the processor of a machine is emulated. */
  readonly pace: number;
  /** What hostile programs may say that they could do, because it reaches nothing outside of their own sandbox, and why. */
  readonly harmless: readonly { readonly says: RegExp; readonly why: string }[];
}

const linux: Nature = {
  foreignCall: 'killed',
  tellsOfMemory: false,
  copiesLargely: false,
  readsPastCache: true,
  showsPrograms: true,
  losesFiles: false,
  readsPackedImage: false,
  hasOwnPools: false,
  pace: 1,
  harmless: [],
};
const natures: Readonly<Record<Tier, Nature>> = {
  namespaces: linux,
  gvisor: {
    foreignCall: 'refused',
    tellsOfMemory: true,
    copiesLargely: true,
    readsPastCache: false,
    showsPrograms: false,
    losesFiles: false,
    readsPackedImage: false,
    hasOwnPools: true,
    pace: 1,
    harmless: [
      {
        says: /^breach: marked \/dev\/\w+$/,
        why: "devices are gVisor's own, one set for each sandbox: who may write may set their times",
      },
      {
        says: /^breach: (oom score|wrote \/proc\/self\/oom_score_adj)$/,
        why: 'gVisor kills no process for memory, and ignores it',
      },
      {
        says: /^breach: its file is open for writing while it runs$/,
        why: 'gVisor lets a file be written that runs: a copy in the memory of its own sandbox',
      },
    ],
  },
  microvm: { ...linux, showsPrograms: false, losesFiles: true, readsPackedImage: true, pace: 10 },
};

/** What the sandboxes of tests are behind: `npm run test:tiers` sets another tier than the default. */
export function testTier(): Tier {
  return loadConfig().isolation.backend;
}

/** What the tests have to expect of that tier. */
export const nature: Nature = natures[testTier()];

/** How long to wait in the tier of this run for what elsewhere takes so many milliseconds at most: for deadlines that honest things are to meet. */
export function atPace(ms: number): number {
  return ms * nature.pace;
}

/** Where a boundary keeps what it needs, and its program, downloaded where it is missing. Every test shares it. */
export async function tierOptions(name: Tier): Promise<{ tierDir: string; runsc: string | undefined }> {
  const { isolation, stores } = loadConfig();
  const { runsc } = isolation;
  const tierDir = join(stores.dataDir, 'tiers', name);
  if (name === 'gvisor') await setupGvisor({ tierDir, runsc, progress: createProgress({ stream: process.stderr }) });
  return { tierDir, runsc };
}

/**
 * The settings with which a server under test has this tier. What tiers keep between starts is shared with all tests through links in
 * the server's data directory, unless it runs as a user who could not write there.
 */
export async function serverTier(
  dataDir: string,
  { name, isOurUser }: { readonly name: Tier; readonly isOurUser: boolean },
): Promise<Record<string, string>> {
  if (name === 'namespaces') return {};
  const shared = loadConfig().stores.dataDir;
  const { tierDir, runsc } = await tierOptions(name);
  if (isOurUser) mkdirSync(dataDir, { recursive: true });
  // A sandbox's user passes through it.
  if (existsSync(dataDir)) chmodSync(dataDir, 0o711);
  if (isOurUser)
    for (const kept of ['tiers', 'machines']) {
      mkdirSync(join(shared, kept), { recursive: true });
      if (!existsSync(join(dataDir, kept))) symlinkSync(join(shared, kept), join(dataDir, kept));
    }
  return {
    DRAGOMAN_ISOLATION: name,
    ...(name === 'gvisor' ? { DRAGOMAN_RUNSC: runsc ?? join(tierDir, 'runsc') } : {}),
  };
}

/** For a shell: what the tier of the tests keeps between starts is on another disk than the data directory. */
export function keptElsewhere(dataDir: string): string {
  if (testTier() === 'namespaces') return '';
  const shared = loadConfig().stores.dataDir;
  return ['tiers', 'machines'].map((name) => `ln -s ${join(shared, name)} ${join(dataDir, name)} && `).join('');
}
