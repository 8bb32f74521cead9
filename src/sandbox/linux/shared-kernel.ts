import { readFileSync } from 'node:fs';
import { release } from 'node:os';

/** A row of `doctor`: `present` is well, `absent` tells of a weakness that the service can run with. */
interface Row {
  readonly name: string;
  readonly state: 'present' | 'absent';
  readonly detail: string;
}

/** Parts of the kernel that every sandbox shares and that no namespace or control group divides. */
export function sharedKernel(
  kernel: { readonly release: string; readonly read: (file: string) => string | undefined } = {
    release: release(),
    read,
  },
): Row[] {
  return [socketMemory(kernel.read), formatModules(kernel)];
}

/** tcp(7): `tcp_mem` counts pages of all network namespaces together, loopback included. */
function socketMemory(read: (file: string) => string | undefined): Row {
  const name = 'socket memory';
  const limit = Number(read('/proc/sys/net/ipv4/tcp_mem')?.split(/\s+/)[2]);
  if (!(limit > 0)) return { name, state: 'absent', detail: 'net.ipv4.tcp_mem cannot be read: its limit is not known' };
  const MiB = Math.round((limit * 4096) / 1024 ** 2);
  const enough = MiB >= 512;
  return {
    name,
    state: enough ? 'present' : 'absent',
    detail: `${MiB} MiB for the TCP sockets of all sandboxes and the host together (net.ipv4.tcp_mem)${
      enough ? '' : ': raise it, or one program that fills its sockets slows the others'
    }`,
  };
}

/** Kernels before 6.14 ask modprobe for a module when a program of an unknown format is started. */
function formatModules({ release, read }: { release: string; read: (file: string) => string | undefined }): Row {
  const name = 'modprobe on exec';
  const [major = 0, minor = 0] = release.split('.').map(Number);
  if (major > 6 || (major === 6 && minor >= 14))
    return { name, state: 'present', detail: `Linux ${release} starts no modprobe for files of unknown formats` };
  if (!read('/proc/sys/kernel/modprobe'))
    return { name, state: 'present', detail: 'kernel.modprobe is empty: programs cannot have modules loaded' };
  const detail = 'a program that starts a file of an unknown format makes this kernel run modprobe on the host';
  return { name, state: 'absent', detail: `${detail}: set sysctl kernel.modprobe="" once all modules are loaded` };
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
