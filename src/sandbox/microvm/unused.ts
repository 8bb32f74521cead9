import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sweepUnused } from '../kept.ts';
import { sweepMaking } from '../making.ts';

/** Images packed for machines, initial file systems, and what is half made of either. */
const fileNames = /^(?:[a-z][a-z0-9]*-[0-9a-f]{12}\.sqfs(?:\.making)?|initial-[0-9a-f]{16}(?:\.\d+)?)$/;

/** Where the folder of machines has their templates. */
export function templatesIn(directory: string): string {
  return join(directory, 'templates');
}

/**
 * Removes templates, packed images and initial file systems that no service has used for a week, and what processes that were killed have left of a
 * template: each takes some hundred megabytes.
 */
export function sweepMachines(directory: string, now: number): void {
  const templates = templatesIn(directory);
  if (existsSync(templates)) sweepMaking(templates);
  sweepUnused(templates, /./, now);
  sweepUnused(directory, fileNames, now);
}
