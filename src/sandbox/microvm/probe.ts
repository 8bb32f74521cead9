import type { HostCheck, HostReport } from '../host-report.ts';
import { probeNamespaces } from '../namespaces/probe.ts';
import type { BackendOptions } from '../options.ts';
import { qemuVersion, trySmallMachine } from './accelerator.ts';

/** What a sandbox in a machine needs: everything of namespaces, which shut QEMU in, and QEMU. */
export function probeMachines({ sandboxUid }: Pick<BackendOptions, 'sandboxUid'>): HostReport {
  const { checks: ofNamespaces } = probeNamespaces(sandboxUid);
  const own = [processor(), qemu()];
  const isThere = own.every(({ state }) => state === 'present');
  const checks = [...ofNamespaces, ...own, ...(isThere ? [smallMachine()] : [])];
  return { checks, usable: checks.every(({ state }) => state !== 'missing') };
}

/** That QEMU is there does not say that it runs anything. */
function smallMachine(): HostCheck {
  const name = 'machines';
  try {
    return { name, state: 'present', detail: trySmallMachine() };
  } catch (error) {
    return { name, state: 'missing', detail: (error as Error).message };
  }
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
