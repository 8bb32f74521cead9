import {
  DragomanError,
  gradeOf,
  type Plans,
  type Principal,
  planOf,
  type Tier,
  type TierState,
} from '../core/index.ts';
import type { Runner } from '../runner/index.ts';

/**
 * The tier of something new: the plan's, or what a request has chosen of those that the plan lets it choose.
 * @throws DragomanError forbidden for any other choice
 */
export function tierFor(plans: Plans, principal: Principal, wanted?: Tier): Tier {
  const { tier, otherTiers } = planOf(plans, principal);
  if (wanted === undefined || wanted === tier || otherTiers.includes(wanted)) return wanted ?? tier;
  const may = [tier, ...otherTiers].join(', ');
  throw new DragomanError('forbidden', {
    message: `The isolation ${wanted} is not one that this key may choose: ${may}`,
  });
}

/**
 * The tier of a session, which is the one that it was made with.
 * @param made null: the session is older than tiers
 * @throws DragomanError forbidden when everything that the plan allows by now is stronger
 */
export function tierOfSession(plans: Plans, principal: Principal, made: Tier | null): Tier {
  const { tier, otherTiers } = planOf(plans, principal);
  if (made === null) return tier;
  if ([tier, ...otherTiers].some((each) => gradeOf(each) <= gradeOf(made))) return made;
  throw new DragomanError('forbidden', {
    message: `The session was made with the isolation ${made}, and the plan of this key asks for ${tier} by now. Its files can be read; code needs a new session.`,
  });
}

/** The same for code that may name the tier itself. @throws DragomanError as `tierOfSession`; conflict for another one */
export function tierInSession(plans: Plans, principal: Principal, made: Tier | null, wanted?: Tier): Tier {
  const tier = tierOfSession(plans, principal, made);
  if (wanted === undefined || wanted === tier) return tier;
  throw new DragomanError('conflict', { message: `The session has the isolation ${tier}, and keeps it.` });
}

/**
 * Its state; undefined where nothing runs code at the moment.
 * @throws DragomanError sandbox_unavailable, saying why, where the runner has no sandboxes of a tier: another one never stands in for it
 */
export async function requireTier(runner: Pick<Runner, 'tiers'>, tier: Tier): Promise<TierState | undefined> {
  const states = await runner.tiers();
  const state = states.find((each) => each.tier === tier);
  // Where nothing runs code at the moment, that is said later, in other words.
  if (state?.fault === null || states.length === 0) return state;
  const reason = state?.fault ?? 'nothing that runs code here has it';
  throw new DragomanError('sandbox_unavailable', {
    message: `Code of this key runs behind the isolation ${tier} alone, which is not available: ${reason}. The operator finds what the host lacks with "dragoman doctor".`,
    lasting: true,
  });
}
