import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const schema = z.object({
  name: z.string(),
  hash: z.string().regex(/^[0-9a-f]{12}$/),
  suite: z.string(),
  architecture: z.string(),
  /** By what is asked: `python` to `3.13.5`. */
  versions: z.record(z.string(), z.string()),
  /** Debian packages in the image. */
  packageCount: z.number().int(),
  sizeBytes: z.number().int(),
  /** Of a layer: the image it lies on, `full-0123456789ab`, and how much larger than that it is. */
  on: z.string().optional(),
  addedBytes: z.number().int().optional(),
  /** Whose packages could not be had. */
  leftOut: z.array(z.enum(['python', 'npm'])).default([]),
  /** ISO 8601, UTC. */
  builtAt: z.string(),
  buildMs: z.number().int(),
});

/** What a built image says of itself, in `manifest.json` beside its root. It is written last: with it, the image is whole. */
export type ImageManifest = z.infer<typeof schema>;

/** The manifest in an image's folder; undefined when there is none or it is not one. */
export function readImageManifest(folder: string): ImageManifest | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')));
  } catch {
    return undefined;
  }
}
