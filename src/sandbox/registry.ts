import { DragomanError } from '../core/index.ts';
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
  readonly name: string;
  /** Orders them: a higher one holds what the lower ones hold, and more. */
  readonly grade: number;
  /** Making one sandbox, to see whether it works here, takes a few seconds; else much longer. */
  readonly isQuicklyTried: boolean;
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
    grade: 1,
    isQuicklyTried: true,
    summary: "the host's kernel, behind seccomp, namespaces and control groups",
    probe: ({ sandboxUid }) => probeNamespaces(sandboxUid),
    create: (options) => new NamespacesBackend(options),
  },
  {
    name: 'gvisor',
    grade: 2,
    isQuicklyTried: true,
    summary: 'a kernel of its own in user space, of which the host answers few calls',
    probe: probeGvisor,
    create: (options) => new GvisorBackend(options),
  },
  {
    name: 'microvm',
    grade: 3,
    isQuicklyTried: false,
    summary: 'a virtual machine of its own, and the walls of namespaces within',
    probe: probeMachines,
    create: (options) => new MachineBackend(options),
  },
];

/** The isolation of a name, as `DRAGOMAN_ISOLATION` has it. @throws DragomanError sandbox_unavailable, listing the known ones */
export function findIsolation(name: string): Isolation {
  return find(name, 'DRAGOMAN_ISOLATION');
}

/** @throws DragomanError sandbox_unavailable when the isolation is weaker than `least`, as `DRAGOMAN_MIN_ISOLATION` has it */
export function requireIsolation(name: string, least: string): void {
  if (findIsolation(name).grade >= find(least, 'DRAGOMAN_MIN_ISOLATION').grade) return;
  const message = `DRAGOMAN_ISOLATION=${name} is weaker than DRAGOMAN_MIN_ISOLATION=${least} allows: choose ${least}`;
  throw new DragomanError('sandbox_unavailable', { message });
}

function find(name: string, setting: string): Isolation {
  const found = isolations.find((isolation) => isolation.name === name);
  if (found) return found;
  const known = isolations.map((isolation) => isolation.name).join(', ');
  throw new DragomanError('sandbox_unavailable', {
    message: `${setting}=${name} does not exist: this build has ${known}`,
  });
}
