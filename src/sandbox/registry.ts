import type { Tier } from '../core/index.ts';
import { GvisorBackend } from './gvisor/backend.ts';
import { probeGvisor } from './gvisor/probe.ts';
import type { HostReport } from './host-report.ts';
import { MachineBackend } from './microvm/backend.ts';
import { probeMachines } from './microvm/probe.ts';
import { NamespacesBackend } from './namespaces/backend.ts';
import { probeNamespaces } from './namespaces/probe.ts';
import type { BackendOptions } from './options.ts';
import type { Backend } from './port.ts';

/** A boundary that this build knows. */
export interface Isolation {
  readonly name: Tier;
  /** Making one sandbox, to see whether it works here, takes a few seconds; else much longer. */
  readonly isQuicklyTried: boolean;
  /** It forks programs of the image that wait for orders: see `Template.forks`. */
  readonly forksPrograms: boolean;
  /** What is between a program and the host's kernel, in a few words. */
  readonly summary: string;
  /** Asks the host, without changing it. The last word is the start of the backend, which makes a real sandbox. */
  probe(options: Pick<BackendOptions, 'sandboxUid' | 'tierDir' | 'runsc'>): HostReport;
  create(options: BackendOptions): Backend;
}

/** All of them, the weakest first. */
export const isolations: readonly Isolation[] = [
  {
    name: 'namespaces',
    isQuicklyTried: true,
    forksPrograms: true,
    summary: "the host's kernel, behind seccomp, namespaces and control groups",
    probe: ({ sandboxUid }) => probeNamespaces(sandboxUid),
    create: (options) => new NamespacesBackend(options),
  },
  {
    name: 'gvisor',
    isQuicklyTried: true,
    forksPrograms: false,
    summary: 'a kernel of its own in user space, of which the host answers few calls',
    probe: probeGvisor,
    create: (options) => new GvisorBackend(options),
  },
  {
    name: 'microvm',
    isQuicklyTried: false,
    forksPrograms: false,
    summary: 'a virtual machine of its own, and the walls of namespaces within',
    probe: probeMachines,
    create: (options) => new MachineBackend(options),
  },
];

/** The isolation of a tier. */
export function findIsolation(tier: Tier): Isolation {
  return isolations.find(({ name }) => name === tier)!;
}
