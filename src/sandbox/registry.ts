import { DragomanError } from '../core/index.ts';
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
  /** Asks the host, without changing it. The last word is the start of the backend, which makes a real sandbox. */
  probe(options: Pick<BackendOptions, 'sandboxUid'>): HostReport;
  create(options: BackendOptions): Backend;
}

const isolations: readonly Isolation[] = [
  {
    name: 'namespaces',
    probe: ({ sandboxUid }) => probeNamespaces(sandboxUid),
    create: (options) => new NamespacesBackend(options),
  },
  {
    name: 'microvm',
    probe: probeMachines,
    create: (options) => new MachineBackend(options),
  },
];

/** The isolation of a name, as `DRAGOMAN_ISOLATION` has it. @throws DragomanError sandbox_unavailable, listing the known ones */
export function findIsolation(name: string): Isolation {
  const found = isolations.find((isolation) => isolation.name === name);
  if (found) return found;
  const known = isolations.map((isolation) => isolation.name).join(', ');
  const message = `DRAGOMAN_ISOLATION=${name} does not exist: this build has ${known}`;
  throw new DragomanError('sandbox_unavailable', { message });
}
