/** What can separate sandboxes from the host and from each other, the weakest first: a later one holds what the earlier ones hold, and more. */
export const tiers = ['namespaces', 'gvisor', 'microvm'] as const;

/** One of them. Settings and wires call it isolation. */
export type Tier = (typeof tiers)[number];

/** Orders tiers: 1 is the weakest. */
export function gradeOf(tier: Tier): number {
  return tiers.indexOf(tier) + 1;
}

/** Whether a runner can make sandboxes of a tier. */
export interface TierState {
  readonly tier: Tier;
  /** Why it cannot, until the service starts again; null: it can. */
  readonly fault: string | null;
  /** How many times as long as on the host's own processor programs take in it; absent: as long. */
  readonly pace?: number | undefined;
}
