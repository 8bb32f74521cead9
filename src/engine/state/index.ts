export { KernelStates } from './kernel-states.ts';
export type { RestoreStateOptions, SaveStateOptions } from './options.ts';
export { isLoss, type KernelState } from './save.ts';
