import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { childEnvironment } from '../../core/index.ts';

/**
 * Copies a file (descriptor 3) into memory that can never be written again, tells where it is, and stays until its input ends. Holes
 * stay holes.
 */
const program = `
import fcntl, os, sys
size = os.fstat(3).st_size
memory = os.memfd_create('machine', os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
os.ftruncate(memory, size)
at = 0
while at < size:
    try:
        at = os.lseek(3, at, os.SEEK_DATA)
    except OSError:
        break
    end = os.lseek(3, at, os.SEEK_HOLE)
    while at < end:
        piece = os.pread(3, min(1 << 20, end - at), at)
        if not piece: sys.exit('the file is shorter than it was')
        os.pwrite(memory, piece, at)
        at += len(piece)
fcntl.fcntl(memory, 1033, 0xf)
print(os.getpid(), memory, flush=True)
sys.stdin.read()
`;

const deadlineMs = 120_000;

/**
 * A descriptor of memory with the content of a file, sealed: machines of all users map it, each changes its own copy alone, and none can
 * change the original. Python of the image does it, because Node cannot make such memory.
 */
export async function sealedMemory(path: string, imageRoot: string): Promise<number> {
  const source = openSync(path, 'r');
  const shut = ['--unshare-net', '--unshare-user', '--die-with-parent', '--ro-bind', imageRoot, '/', '--proc', '/proc'];
  const child = spawn('bwrap', [...shut, '--dev', '/dev', '--', '/usr/bin/python3', '-I', '-c', program], {
    stdio: ['pipe', 'pipe', 'pipe', source],
    env: childEnvironment('run'),
    cwd: '/',
    timeout: deadlineMs,
  });
  let said = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-1000);
  });
  try {
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout! }).once('line', resolve);
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`the memory of a machine was not read: ${said}`)));
    });
    const [pid, fd] = line.split(' ');
    return openSync(`/proc/${pid}/fd/${fd}`, 'r');
  } finally {
    closeSync(source);
    child.kill('SIGKILL');
  }
}
