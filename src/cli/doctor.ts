import type { Config } from '../config/index.ts';
import { tierOptions } from '../roles/index.ts';
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
  makeSandbox(isolation: string): Promise<void>;
  /** The root directory that sandboxes would have; undefined when no image is there yet. */
  readonly imageRoot: string | undefined;
  readonly kind?: HostKind;
}

/** Prints what the host offers, makes a sandbox, and names the option for what is missing. Returns whether the service can start. */
export async function doctor(config: Config, context: DoctorContext): Promise<boolean> {
  const { json, print, imageRoot, makeSandbox, kind = hostKind(hostFacts()) } = context;
  const { backend, sandboxUid } = config.isolation;
  const report = findIsolation(backend).probe({ sandboxUid, ...tierOptions(config) });
  const trial = await tryOut(config.isolation.image, imageRoot, () => makeSandbox(backend));
  const checks: Check[] = [...report.checks, trial, ...(await tiers(config, trial, context))];
  const usable = checks.every(({ state }) => state !== 'missing');
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
async function tiers(config: Config, chosen: Check, context: DoctorContext): Promise<Check[]> {
  const { backend, least } = config.isolation;
  const weakest = findIsolation(least).grade;
  const rows: Check[] = [];
  for (const isolation of isolations) {
    const { name, grade, summary } = isolation;
    const isChosen = name === backend;
    const tried = isChosen ? chosen : await tryTier(config, isolation, context);
    const isWeak = isChosen && grade < weakest;
    const remark = isWeak ? `, below DRAGOMAN_MIN_ISOLATION=${least}` : isChosen ? ', chosen' : '';
    rows.push({
      name: `tier ${name}`,
      // Another tier that is not possible here keeps nothing from working.
      state: isWeak ? 'missing' : tried.state === 'missing' ? 'absent' : tried.state,
      detail: `grade ${grade}${remark}: ${summary}; ${tried.state === 'present' ? 'a sandbox was made' : tried.detail}`,
    });
  }
  return rows;
}

/** What one that is not chosen would need, by a sandbox where that takes seconds, else by its probe. */
async function tryTier(
  config: Config,
  isolation: Isolation,
  { imageRoot, makeSandbox }: DoctorContext,
): Promise<Check> {
  const { name, isQuicklyTried } = isolation;
  const { image, sandboxUid } = config.isolation;
  const of = { ...config, isolation: { ...config.isolation, backend: name } };
  const lacking = isolation.probe({ sandboxUid, ...tierOptions(of) }).checks.filter(({ state }) => state === 'missing');
  if (lacking.length > 0)
    return { name, state: 'absent', detail: lacking.map((check) => `${check.name}: ${check.detail}`).join('; ') };
  if (isQuicklyTried) return tryOut(image, imageRoot, () => makeSandbox(name));
  return { name, state: 'absent', detail: `not tried: DRAGOMAN_ISOLATION=${name} dragoman doctor makes a sandbox` };
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
