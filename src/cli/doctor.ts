import type { Config } from '../config/index.ts';
import { gradeOf, type Tier } from '../core/index.ts';
import { tierOptions, tiersInUse } from '../roles/index.ts';
import { findIsolation, type Isolation, isolations } from '../sandbox/index.ts';
import { type Lack, lackIn, remedy } from './advice.ts';
import { type HostKind, hostFacts, hostKind, hostNames } from './surroundings.ts';

/** What to change on this host after a start that failed for want of a sandbox; undefined when the reason says nothing known. */
export function adviceFor(reason: string): string | undefined {
  const lack = lackIn(reason);
  const kind = hostKind(hostFacts());
  return lack && `What ${hostNames[kind]} needs: ${remedy(lack, kind)}`;
}

interface Check {
  readonly name: string;
  readonly state: 'present' | 'missing' | 'absent';
  readonly detail: string;
}

export interface DoctorContext {
  readonly json: boolean;
  print(line: string): void;
  /** Does what the start with this isolation does, up to a real sandbox. Rejects with the reason why there is none. */
  makeSandbox(isolation: Tier): Promise<void>;
  /** The root directory that sandboxes would have; undefined when no image is there yet. */
  readonly imageRoot: string | undefined;
  readonly kind?: HostKind;
}

/** Prints what the host offers, makes a sandbox, and names the option for what is missing. Returns whether the service can start. */
export async function doctor(config: Config, context: DoctorContext): Promise<boolean> {
  const { json, print, imageRoot, makeSandbox, kind = hostKind(hostFacts()) } = context;
  const { backend, sandboxUid } = config.isolation;
  const report = findIsolation(backend).probe({ sandboxUid, ...tierOptions(config, backend) });
  const trial = await tryOut(config.isolation.image, imageRoot, () => makeSandbox(backend));
  const needed: Check[] = [...report.checks, trial];
  const usable = needed.every(({ state }) => state !== 'missing');
  const checks = [...needed, ...(await tierRows(config, trial, context))];
  const lacks = [...new Set(checks.filter(({ state }) => state === 'missing').map(lackOf))].filter((lack) => !!lack);
  const remedies = lacks.map((lack) => remedy(lack!, kind));
  if (json) {
    print(JSON.stringify({ checks, usable, host: kind, remedies }, null, 2));
    return usable;
  }
  const marks = { present: 'ok', missing: 'MISSING', absent: '-' } as const;
  for (const { name, state, detail } of checks) print(`${marks[state].padEnd(8)}${name.padEnd(17)}${detail}`);
  print(usable ? `This host can run the ${backend} backend.` : `This host cannot run the ${backend} backend.`);
  if (remedies.length > 0) print(`What ${hostNames[kind]} needs:`);
  for (const line of remedies) print(`  ${line}`);
  return usable;
}

/** A row for each isolation, with its grade: whether a sandbox could be made with it here, or why not. */
async function tierRows(config: Config, chosen: Check, context: DoctorContext): Promise<Check[]> {
  const [own, ...ofPlans] = tiersInUse(config);
  const rows: Check[] = [];
  for (const isolation of isolations) {
    const { name, summary } = isolation;
    const isOfPlan = ofPlans.includes(name);
    const tried = name === own ? chosen : await tryTier(config, isolation, isOfPlan, context);
    const remark = name === own ? ', chosen' : isOfPlan ? ', in a plan' : '';
    const isMissing = tried.state === 'missing' || (isOfPlan && tried.state !== 'present');
    const detail = tried.state === 'present' ? 'a sandbox was made' : tried.detail;
    rows.push({
      name: `tier ${name}`,
      // Another tier that is not possible here keeps nothing from working, unless a plan names it.
      state: isMissing && (name === own || isOfPlan) ? 'missing' : isMissing ? 'absent' : tried.state,
      detail: `grade ${gradeOf(name)}${remark}: ${summary}; ${detail}${isMissing && isOfPlan ? ' (its keys are refused)' : ''}`,
    });
  }
  return rows;
}

/** What one that is not chosen would need, by a sandbox where that takes seconds, else by its probe. */
async function tryTier(
  config: Config,
  isolation: Isolation,
  isWanted: boolean,
  { imageRoot, makeSandbox }: DoctorContext,
): Promise<Check> {
  const { name, isQuicklyTried } = isolation;
  const { image, sandboxUid } = config.isolation;
  const { checks } = isolation.probe({ sandboxUid, ...tierOptions(config, name) });
  const lacking = checks.filter(({ state }) => state === 'missing');
  if (lacking.length > 0)
    return { name, state: 'absent', detail: lacking.map((check) => `${check.name}: ${check.detail}`).join('; ') };
  if (isQuicklyTried || isWanted) return tryOut(image, imageRoot, () => makeSandbox(name));
  const shown = checks.at(-1)!.detail;
  return { name, state: 'absent', detail: `${shown}; DRAGOMAN_ISOLATION=${name} dragoman doctor makes a sandbox` };
}

async function tryOut(image: string, imageRoot: string | undefined, makeSandbox: () => Promise<void>): Promise<Check> {
  const name = 'a sandbox';
  if (imageRoot === undefined && image.includes('/'))
    return { name, state: 'missing', detail: `not made: the image ${image} is not the root directory of a system` };
  if (imageRoot === undefined)
    return { name, state: 'absent', detail: 'not tried, because there is no image yet: setup builds one' };
  try {
    await makeSandbox();
    return { name, state: 'present', detail: `made from ${imageRoot}` };
  } catch (error) {
    return { name, state: 'missing', detail: (error as Error).message };
  }
}

function lackOf({ name, detail }: Check): Lack | undefined {
  return lackIn(name === 'AppArmor' ? name : detail);
}
