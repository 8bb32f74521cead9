import { existsSync, readdirSync } from 'node:fs';
import { loadConfig } from '../../src/config.ts';

/**
 * The image that set-up built, which every test shares: a server under test gets a data directory of its own but not a build
 * of its own.
 */
export function imageRoot(): string {
  const { isolation, stores } = loadConfig();
  if (isolation.image !== 'core') return isolation.image;
  const images = `${stores.dataDir}/images`;
  const built = existsSync(images) ? readdirSync(images).filter((name) => name.startsWith('core-')) : [];
  const newest = built
    .filter((name) => existsSync(`${images}/${name}/rootfs/mnt/data`))
    .sort()
    .at(-1);
  if (!newest) throw new Error(`no image in ${images}: npm test builds it before the tests run`);
  return `${images}/${newest}/rootfs`;
}
