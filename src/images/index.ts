export type { ImageManifest } from './image-manifest.ts';
export { type SetupOptions, type SetupResult, setup } from './setup.ts';
