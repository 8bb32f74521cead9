export { KernelStates } from './kernel-states.ts';
export type { OpenPiece } from './load.ts';
export { isLoss, type KernelState, type StatePiece, type StorePiece } from './save.ts';
