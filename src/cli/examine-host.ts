import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../config/index.ts';
import type { Tier } from '../core/index.ts';
import { createProgress } from '../host/index.ts';
import { nativeHelper, presentMachineFiles } from '../images/index.ts';
import { makeTrialSandbox } from '../roles/index.ts';
import { doctor } from './doctor.ts';
import { presentImageRoot } from './image-root.ts';

/** Examines this host with its settings and prints what it finds. Returns whether the service can start. */
export function examineHost(json: boolean): Promise<boolean> {
  const config = loadConfig();
  const imageRoot = presentImageRoot(config.isolation.image, config.stores.dataDir);
  return doctor(config, { json, print: (line) => console.log(line), imageRoot, makeSandbox });

  /** A helper that is not there yet is compiled for this sandbox alone: the data directory is left as it is. */
  async function makeSandbox(name: Tier): Promise<void> {
    const dataDir = mkdtempSync(join(tmpdir(), 'dragoman-trial-'));
    try {
      const nativeDir = await nativeHelper({
        sourceDir: fileURLToPath(new URL('../../guest/native', import.meta.url)),
        imageRoot: imageRoot!,
        places: [join(config.stores.dataDir, 'images'), join(dataDir, 'images')],
        progress: createProgress({ stream: { write() {} } }),
        interactive: false,
        asItIs: true,
      });
      const machine = name === 'microvm' ? presentMachineFiles(config.stores.dataDir, imageRoot!) : undefined;
      await makeTrialSandbox(config, name, { imageRoot: imageRoot!, nativeDir, machine });
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  }
}
