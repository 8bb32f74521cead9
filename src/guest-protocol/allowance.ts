const KiB = 1024;
const MiB = 1024 * KiB;

/** How much a sandbox may claim while one listener is attached. More ends the sandbox. */
export interface ClaimAllowance {
  readonly claims: number;
  /** Bytes of one claim. */
  readonly claimBytes: number;
  /** Bytes of all claims together. */
  readonly bytes: number;
  /** JSON values in all claims together: each costs memory, however short it is. */
  readonly values: number;
}

/** For set-up and plain programs: few and short claims. Everything long goes over the output streams or files. */
export const usualAllowance: ClaimAllowance = {
  claims: 1000,
  claimBytes: 64 * KiB,
  bytes: 8 * MiB,
  values: 100_000,
};

/** For a program that may call tools: each call carries its input. */
export const toolAllowance: ClaimAllowance = {
  claims: 5000,
  claimBytes: 8 * MiB,
  bytes: 64 * MiB,
  values: 1_000_000,
};

/** For a cell: images travel as claims. An honest kernel stays far below this. */
export const cellAllowance: ClaimAllowance = {
  claims: 5000,
  claimBytes: 25 * MiB,
  bytes: 64 * MiB,
  values: 500_000,
};

/** For a cell that may call tools. */
export const toolCellAllowance: ClaimAllowance = {
  claims: cellAllowance.claims + toolAllowance.claims,
  claimBytes: cellAllowance.claimBytes,
  bytes: cellAllowance.bytes + toolAllowance.bytes,
  values: cellAllowance.values + toolAllowance.values,
};
