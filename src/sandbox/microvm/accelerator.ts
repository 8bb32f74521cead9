import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childEnvironment } from '../../core/index.ts';

export interface Accelerator {
  readonly name: 'kvm' | 'tcg';
  /** Why the processor is emulated. */
  readonly why?: string;
}

/** How many times as long as by KVM programs are given by emulation: most take ten times as long, and what only computes thirty times. */
const emulatedPace = 10;
const deadlineMs = 1500;
/** Emulation needs a tenth of a second, and more where others have the processor. */
const emulationDeadlineMs = 10_000;
/** What the program below ends QEMU with. */
const succeeded = 33;
const rounds = 2_000_000;
const biosBytes = 64 * 1024;

let found: Accelerator | undefined;

/**
 * Whether a machine really runs by the host's processor: some hosts have `/dev/kvm`, let a machine be made, and then emulate each of its
 * instructions. A program of a few bytes counts to two million, which takes milliseconds or does not end in time. Asked once a process.
 * @param folder where the answer is kept until the host starts again
 */
export function findAccelerator(folder?: string): Accelerator {
  found ??= (folder && remembered(folder)) || probe();
  if (folder) remember(folder, found);
  return found;
}

/** See `Sandbox.pace`. */
export function paceOf(accelerator: Accelerator['name']): number {
  return accelerator === 'kvm' ? 1 : emulatedPace;
}

/** Starts a machine of a few bytes as sandboxes are started. Returns how it ran. @throws Error when it did not */
export function trySmallMachine(): string {
  const { name, why } = findAccelerator();
  // With KVM that is how it was found.
  if (name === 'kvm') return 'a small machine ran by KVM';
  if (!runsSmallMachine('tcg', emulationDeadlineMs))
    throw new Error(`a small machine did not run by emulation within ${emulationDeadlineMs / 1000} s`);
  return `a small machine ran by emulation (${why})`;
}

const fileName = 'accelerator.json';
const bootId = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** What was found since the host started, with this QEMU. */
function remembered(folder: string): Accelerator | undefined {
  try {
    const { boot, qemu, name, why } = JSON.parse(readFileSync(join(folder, fileName), 'utf8'));
    if (boot !== bootId() || qemu !== qemuVersion()) return undefined;
    if (name === 'kvm') return { name };
    return name === 'tcg' && typeof why === 'string' ? { name, why } : undefined;
  } catch {
    return undefined;
  }
}

function remember(folder: string, accelerator: Accelerator): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    writeFileSync(join(folder, fileName), JSON.stringify({ boot: bootId(), qemu: qemuVersion(), ...accelerator }));
  } catch {
    // It is looked for again then.
  }
}

function probe(): Accelerator {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch (error) {
    return { name: 'tcg', why: `/dev/kvm cannot be used (${(error as NodeJS.ErrnoException).code})` };
  }
  if (runsSmallMachine('kvm', deadlineMs)) return { name: 'kvm' };
  return { name: 'tcg', why: '/dev/kvm is there, but a small program did not end within 1.5 s in a machine of it' };
}

function runsSmallMachine(accelerator: Accelerator['name'], timeout: number): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'dragoman-kvm-'));
  try {
    const path = join(folder, 'bios');
    writeFileSync(path, countingProgram());
    const machine = [
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-M',
      'pc',
      '-accel',
      accelerator,
      '-m',
      '2M',
    ];
    const exit = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=1', '-no-reboot'];
    const { status } = spawnSync('qemu-system-x86_64', [...machine, '-bios', path, ...exit], {
      timeout,
      killSignal: 'SIGKILL',
      stdio: 'ignore',
      env: childEnvironment('run'),
    });
    return status === succeeded;
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
