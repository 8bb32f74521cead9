import type { HostCheck, HostReport } from '../host-report.ts';
import { probeNamespaces } from '../namespaces/probe.ts';
import type { BackendOptions } from '../options.ts';
import { qemuVersion } from './accelerator.ts';

/** What a sandbox in a machine needs: everything of namespaces, which shut QEMU in, and QEMU. */
export function probeMachines({ sandboxUid }: Pick<BackendOptions, 'sandboxUid'>): HostReport {
  const { checks: ofNamespaces } = probeNamespaces(sandboxUid);
  const checks = [...ofNamespaces, processor(), qemu()];
  return { checks, usable: checks.every(({ state }) => state !== 'missing') };
}

function processor(): HostCheck {
  const isKnown = process.arch === 'x64';
  return {
    name: 'processor',
    state: isKnown ? 'present' : 'missing',
    detail: isKnown ? 'x86-64' : `${process.arch}: machines are made for x86-64 alone`,
  };
}

function qemu(): HostCheck {
  const version = qemuVersion();
  if (version) return { name: 'QEMU', state: 'present', detail: version };
  return { name: 'QEMU', state: 'missing', detail: 'not installed: apt-get install qemu-system-x86' };
}
