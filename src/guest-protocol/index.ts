export {
  type ClaimAllowance,
  cellAllowance,
  toolAllowance,
  toolCellAllowance,
  usualAllowance,
} from './allowance.ts';
export type { Claim } from './claims.ts';
export { ClaimDecoder } from './decoder.ts';
export {
  encodeFrame,
  type GuestFrame,
  type GuestKernel,
  type GuestTool,
  type Order,
  orders,
  type Program,
} from './orders.ts';
