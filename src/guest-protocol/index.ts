export {
  type ClaimAllowance,
  cellAllowance,
  toolAllowance,
  toolCellAllowance,
} from './allowance.ts';
export { type Aside, besideOrders, frameCost } from './beside.ts';
export type { FileWork } from './beside-frames.ts';
export type { Claim } from './claims.ts';
export { ClaimDecoder } from './decoder.ts';
export {
  encodeFrame,
  type GuestFrame,
  type GuestKernel,
  type GuestTool,
  type KernelStart,
  type Order,
  orders,
  type Park,
  type Program,
} from './orders.ts';
