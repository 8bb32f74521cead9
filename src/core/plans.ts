import type { Limits } from './limits.ts';
import type { Principal } from './principal.ts';
import type { Tier } from './tiers.ts';

/** What a route costs. Each class has its own rate limit per principal; a route without a class has none. */
export type RateClass = 'exec' | 'upload' | 'download' | 'list';

/** So many requests in so many milliseconds, by class of route; null for no limit. */
export type RateLimits = Readonly<Record<RateClass, { readonly count: number; readonly periodMs: number } | null>>;

/** What each principal that has this plan may use. */
export interface Plan {
  /** Limits of an execution that asks for nothing. */
  readonly limits: Readonly<Limits>;
  /** Nobody has said `limits.wallMs`: where programs take longer, it is as many times longer. */
  readonly isTimeUsual?: boolean | undefined;
  /** The longest wall clock a request may ask for. */
  readonly maxWallMs: number;
  /** Executions running at once; undefined: three in four of all places. */
  readonly running: number | undefined;
  /** Executions waiting for a place. */
  readonly waiting: number;
  /** Bytes of all its files together, each in whole blocks. */
  readonly storedBytes: number;
  /** Files of all its file sets together. */
  readonly storedFiles: number;
  /** False: variables of its sessions are not saved. */
  readonly state?: boolean | undefined;
  readonly rates: RateLimits;
  /** What its sandboxes are behind, unless a request chooses. */
  readonly tier: Tier;
  /** What a request may choose instead. */
  readonly otherTiers: readonly Tier[];
}

/** The plan of principals that have no other. */
export const defaultPlan = 'default';

/** Plans by name; `default` is always among them. */
export type Plans = ReadonlyMap<string, Plan>;

/** The plan of a principal; authentication gives only plans that exist. */
export function planOf(plans: Plans, { plan = defaultPlan }: Pick<Principal, 'plan'>): Plan {
  return plans.get(plan)!;
}

/** The wall clock of an execution that asks for none, where programs take `pace` times as long as on the host's own processor. */
export function usualWallMs({ limits, maxWallMs, isTimeUsual }: Plan, pace = 1): number {
  return Math.min(limits.wallMs * (isTimeUsual ? pace : 1), maxWallMs);
}
