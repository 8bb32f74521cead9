import { spawnSync } from 'node:child_process';
import { childEnvironment } from '../../core/index.ts';
import type { HostCheck, HostReport } from '../host-report.ts';
import { probeNamespaces } from '../namespaces/probe.ts';
import type { BackendOptions } from '../options.ts';
import { runscPath } from './tier-folder.ts';

/** Of the checks of `namespaces` those that gVisor needs as well. */
const shared = ['kernel', 'namespaces', 'AppArmor', 'sandbox users', 'cgroups', 'disk reads', 'seccomp'];

/** Asks the host, without changing it. Whether gVisor works here only a real sandbox shows. */
export function probeGvisor(options: Pick<BackendOptions, 'sandboxUid' | 'tierDir' | 'runsc'>): HostReport {
  const { checks } = probeNamespaces(options.sandboxUid);
  const all = [...checks.filter(({ name }) => shared.includes(name)), runsc(options)];
  return { checks: all, usable: all.every(({ state }) => state !== 'missing') };
}

function runsc(options: Pick<BackendOptions, 'tierDir' | 'runsc'>): HostCheck {
  const name = 'gVisor';
  try {
    const { stdout, error } = spawnSync(runscPath(options), ['--version'], {
      encoding: 'utf8',
      env: childEnvironment('run'),
      timeout: 5000,
    });
    if (error) throw error;
    return { name, state: 'present', detail: stdout.split('\n')[0]! };
  } catch (error) {
    return { name, state: 'missing', detail: (error as Error).message };
  }
}
