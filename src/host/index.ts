export { mirrorSettings } from './apt-settings.ts';
export { type AptSource, readAptSources } from './apt-sources.ts';
export { type CommandResult, hasProgram, runCommand } from './command.ts';
export { debianKeyring, mirrorCandidates, reachableSources } from './mirrors.ts';
export { hostRelease, installPackages, type MissingPackage, missingPackages } from './os-packages.ts';
export { createProgress, type Progress, type ProgressOptions } from './progress.ts';
export { SetupError } from './setup-error.ts';
