import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childEnvironment } from '../../core/index.ts';

export interface Accelerator {
  readonly name: 'kvm' | 'tcg';
  /** Why the processor is emulated. */
  readonly why?: string;
}

const deadlineMs = 1500;
/** What the program below ends QEMU with. */
const succeeded = 33;
const rounds = 2_000_000;
const biosBytes = 64 * 1024;

let found: Accelerator | undefined;

/**
 * Whether a machine really runs by the host's processor: some hosts have `/dev/kvm`, let a machine be made, and then emulate each of its
 * instructions. A program of a few bytes counts to two million, which takes milliseconds or does not end in time. Asked once a process.
 */
export function findAccelerator(): Accelerator {
  found ??= probe();
  return found;
}

function probe(): Accelerator {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch (error) {
    return { name: 'tcg', why: `/dev/kvm cannot be used (${(error as NodeJS.ErrnoException).code})` };
  }
  const folder = mkdtempSync(join(tmpdir(), 'dragoman-kvm-'));
  try {
    const path = join(folder, 'bios');
    writeFileSync(path, countingProgram());
    const machine = ['-nodefaults', '-no-user-config', '-display', 'none', '-M', 'pc', '-accel', 'kvm', '-m', '2M'];
    const exit = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=1', '-no-reboot'];
    const { status } = spawnSync('qemu-system-x86_64', [...machine, '-bios', path, ...exit], {
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
      stdio: 'ignore',
      env: childEnvironment('run'),
    });
    if (status === succeeded) return { name: 'kvm' };
    return { name: 'tcg', why: '/dev/kvm is there, but a small program did not end within 1.5 s in a machine of it' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Code of the 8086 kind: `mov ecx, rounds; dec ecx; jnz; mov al, 16; out 0xf4, al; hlt`, and a jump to it where the processor begins. */
function countingProgram(): Buffer {
  const bios = Buffer.alloc(biosBytes);
  Buffer.from([0x66, 0xb9, 0, 0, 0, 0, 0x66, 0x49, 0x75, 0xfc, 0xb0, 0x10, 0xe6, 0xf4, 0xf4]).copy(bios);
  bios.writeUInt32LE(rounds, 2);
  Buffer.from([0xea, 0, 0, 0, 0xf0]).copy(bios, 0xfff0);
  return bios;
}

/** What QEMU says of itself; undefined: it is not there. */
export function qemuVersion(): string | undefined {
  const { stdout, error } = spawnSync('qemu-system-x86_64', ['--version'], {
    encoding: 'utf8',
    timeout: 5000,
    env: childEnvironment('run'),
  });
  return error ? undefined : stdout.split('\n')[0];
}
