import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * The disk that a path's file system is on, as control groups name it (`254:0`): of a partition its whole disk. Undefined where
 * the file system is on no disk of its own: overlayfs, btrfs, network file systems.
 */
export function diskOf(path: string): string | undefined {
  const { dev } = statSync(path, { bigint: true });
  // As glibc's major() and minor().
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  const device = `/sys/dev/block/${major}:${minor}`;
  if (major === 0n || !existsSync(device)) return undefined;
  const real = realpathSync(device);
  const disk = existsSync(`${real}/partition`) ? dirname(real) : real;
  return readFileSync(`${disk}/dev`, 'utf8').trim();
}
