import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The root directory that sandboxes would have; undefined when the image is not built yet. Builds nothing. */
export function presentImageRoot(image: string, dataDir: string): string | undefined {
  if (image.includes('/')) return existsSync(join(image, 'usr/bin')) ? image : undefined;
  const images = join(dataDir, 'images');
  if (!existsSync(images)) return undefined;
  const names = image === 'auto' ? ['full', 'core'] : [image];
  const built = readdirSync(images);
  return names
    .flatMap((name) => built.filter((folder) => new RegExp(`^${name}-[0-9a-f]+$`).test(folder)))
    .map((folder) => join(images, folder, 'rootfs'))
    .find((root) => existsSync(root));
}
