import type { HostCheck } from '../host-report.ts';
import { findAccelerator, paceOf, qemuVersion } from './accelerator.ts';

/** Whether machines run by the host's processor or by an emulated one. */
export function kvm(): HostCheck {
  const name = 'KVM';
  if (!qemuVersion()) return { name, state: 'absent', detail: 'not tried, because QEMU is not installed' };
  const { name: accelerator, why } = findAccelerator();
  if (accelerator === 'kvm') return { name, state: 'present', detail: 'a small program ran in a machine of it' };
  const slower = `virtual machines run by emulation, ten to thirty times slower; compilers get ${paceOf(accelerator)} times their limit of time`;
  return { name, state: 'absent', detail: `${why}: ${slower}` };
}
