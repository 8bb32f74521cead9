export type { ImageManifest } from './image-manifest.ts';
export { installPackages } from './os-packages.ts';
export { createProgress, type Progress, type ProgressOptions } from './progress.ts';
export { type SetupOptions, type SetupResult, setup } from './setup.ts';
export { SetupError } from './setup-error.ts';
