import type { HostKind } from './surroundings.ts';

/** What a host can lack. */
export type Lack = 'namespaces' | 'proc' | 'capabilities' | 'cgroups' | 'apparmor' | 'image';

const nesting =
  'lxc config set <container> security.nesting=true (LXD, Incus), or lxc.include = /usr/share/lxc/config/nesting.conf';
const wslUpdate = 'wsl --update, and wsl --set-version <distribution> 2';
const wslCgroups =
  '[boot] systemd=true in /etc/wsl.conf, and kernelCommandLine=cgroup_no_v1=all below [wsl2] in .wslconfig; then wsl --shutdown';
const capabilities = '--cap-add CHOWN --cap-add SETUID --cap-add SETGID';
const image = 'run "node scripts/dragoman.mjs setup", or let DRAGOMAN_IMAGE name a root directory';

/** The option that gives a host what it lacks. */
const remedies: Record<Lack, Record<HostKind, string>> = {
  namespaces: {
    docker: '--security-opt seccomp=deploy/seccomp.json',
    podman: '--security-opt seccomp=deploy/seccomp.json',
    kubernetes:
      'securityContext.seccompProfile: {type: Localhost, localhostProfile: dragoman.json} with deploy/seccomp.json on the node, or {type: Unconfined}',
    lxc: nesting,
    wsl1: wslUpdate,
    wsl2: 'wsl --update',
    host: 'sudo sysctl user.max_user_namespaces=15000 (and kernel.unprivileged_userns_clone=1 where it exists)',
  },
  proc: {
    docker: '--security-opt systempaths=unconfined',
    podman: '--security-opt unmask=ALL',
    kubernetes: 'hostUsers: false in the pod, and securityContext.procMount: Unmasked',
    lxc: nesting,
    wsl1: wslUpdate,
    wsl2: 'unmount what is mounted below /proc',
    host: 'unmount what is mounted below /proc',
  },
  capabilities: {
    docker: capabilities,
    podman: capabilities,
    kubernetes: 'securityContext.capabilities.add: [CHOWN, SETUID, SETGID]',
    lxc: 'do not drop the capabilities chown, setuid and setgid (lxc.cap.drop)',
    wsl1: wslUpdate,
    wsl2: 'start it as root, or as an ordinary user',
    host: 'start it as root with all capabilities, or as an ordinary user',
  },
  cgroups: {
    docker:
      'with cgroups version 2: --security-opt writable-cgroups=true (Docker 28 and later); with version 1: -v /sys/fs/cgroup:/sys/fs/cgroup:rw',
    podman: '--security-opt unmask=ALL --cgroupns=private',
    kubernetes:
      'a node pool with writable cgroups (containerd: cgroup_writable = true; GKE: writableCgroups), or privileged: true with hostUsers: false',
    lxc: nesting,
    wsl1: wslUpdate,
    wsl2: wslCgroups,
    host: 'systemd-run --user --scope -p Delegate=yes npm start, or a unit with Delegate=yes (deploy/systemd/)',
  },
  apparmor: {
    docker: '--security-opt apparmor=unconfined, or a profile with "userns, mount, pivot_root,"',
    podman: '--security-opt apparmor=unconfined',
    kubernetes: 'securityContext.appArmorProfile: {type: Unconfined}',
    lxc: nesting,
    wsl1: wslUpdate,
    wsl2: 'sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0',
    host: 'sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0 (and in /etc/sysctl.d/), or a profile for /usr/bin/bwrap with "userns,"',
  },
  image: {
    docker: 'mount a root directory: -v <root directory>:/sandbox:ro',
    podman: 'mount a root directory: -v <root directory>:/sandbox:ro',
    kubernetes: 'set sandbox.image of the chart',
    lxc: image,
    wsl1: image,
    wsl2: image,
    host: image,
  },
};

export const remedy = (lack: Lack, kind: HostKind): string => remedies[lack][kind];

/** Finds in the text of a failure what the host lacks; undefined when it says nothing that is known. */
export function lackIn(text: string): Lack | undefined {
  const signs: readonly (readonly [RegExp, Lack])[] = [
    [/AppArmor|apparmor/, 'apparmor'],
    [/^not made: the image/, 'image'],
    [/mount proc/i, 'proc'],
    [/cgroup/, 'cgroups'],
    [/spawn\w* \S+ EPERM|setgroups|setresuid/, 'capabilities'],
    [/(user|new) namespace|unshare|Operation not permitted/, 'namespaces'],
  ];
  return signs.find(([sign]) => sign.test(text))?.[1];
}
