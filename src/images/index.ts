export { setupGvisor } from './gvisor.ts';
export { machineFiles, presentMachineFiles } from './machine-files.ts';
export { nativeHelper } from './native-helper.ts';
export { setup } from './setup.ts';
