export { mirrorSettings } from './apt-settings.ts';
export { readAptSources } from './apt-sources.ts';
export { type CommandResult, hasProgram, runCommand } from './command.ts';
export { mirrorCandidates, reachableSources } from './mirrors.ts';
export {
  hostRelease,
  installPackages,
  type MissingPackage,
  missingForMachines,
  missingForTests,
  missingPackages,
} from './os-packages.ts';
export { createProgress, type Progress } from './progress.ts';
export { SetupError } from './setup-error.ts';
