import { existsSync, readFileSync } from 'node:fs';

/** Where this process runs, as far as it decides which option an operator has to change. */
export type HostKind = 'docker' | 'podman' | 'kubernetes' | 'lxc' | 'wsl1' | 'wsl2' | 'host';

export const hostNames: Record<HostKind, string> = {
  docker: 'Docker',
  podman: 'Podman',
  kubernetes: 'Kubernetes',
  lxc: 'LXC',
  wsl1: 'WSL 1',
  wsl2: 'WSL 2',
  host: 'this host',
};

/** The facts that `hostKind` decides by. */
export interface HostFacts {
  readonly inKubernetes: boolean;
  readonly hasDockerFile: boolean;
  readonly hasPodmanFile: boolean;
  /** `/run/systemd/container`, or the variable `container` of process 1. */
  readonly container: string;
  /** `/proc/version` */
  readonly kernel: string;
}

export function hostFacts(): HostFacts {
  return {
    inKubernetes: existsSync('/var/run/secrets/kubernetes.io') || existsSync('/run/secrets/kubernetes.io'),
    hasDockerFile: existsSync('/.dockerenv'),
    hasPodmanFile: existsSync('/run/.containerenv'),
    container:
      readOr('/run/systemd/container') || /(?:^|\0)container=([^\0]*)/.exec(readOr('/proc/1/environ'))?.[1] || '',
    kernel: readOr('/proc/version'),
  };
}

export function hostKind(facts: HostFacts): HostKind {
  if (facts.inKubernetes) return 'kubernetes';
  if (facts.hasPodmanFile || facts.container === 'podman') return 'podman';
  if (facts.hasDockerFile || facts.container === 'docker') return 'docker';
  if (facts.container.startsWith('lxc')) return 'lxc';
  if (/microsoft/i.test(facts.kernel)) return /WSL2|microsoft-standard/i.test(facts.kernel) ? 'wsl2' : 'wsl1';
  return 'host';
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}
