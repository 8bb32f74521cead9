import { readFileSync } from 'node:fs';
import { descendants, sandboxes } from './processes.ts';
import { testTier } from './tier.ts';

/** How the kernel of a sandbox is called on the host: gVisor in its first word, QEMU in its name. */
const isKernel = {
  namespaces: () => false,
  gvisor: (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('runsc-sandbox'),
  microvm: (pid: number) => readFileSync(`/proc/${pid}/comm`, 'latin1').startsWith('qemu-system'),
} as const;

/** Processes below one that are the kernels of its sandboxes. */
export function kernels(below: number = process.pid, tier = testTier()): number[] {
  return descendants(below)
    .map(({ pid }) => pid)
    .filter((pid) => {
      try {
        return isKernel[tier](pid);
      } catch {
        return false; // It has ended meanwhile.
      }
    });
}

/** The process of each sandbox below this one, parked ones too, whose end is the sandbox's. */
export function sandboxPids(): number[] {
  return testTier() === 'namespaces' ? sandboxes(process.pid).map(({ pid }) => pid) : kernels();
}
