import type { Config } from '../config/index.ts';
import { findIsolation } from '../sandbox/index.ts';
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
  /** Does what the start does, up to a real sandbox. Rejects with the reason why there is none. */
  makeSandbox(): Promise<void>;
  /** The root directory that sandboxes would have; undefined when no image is there yet. */
  readonly imageRoot: string | undefined;
  readonly kind?: HostKind;
}

/** Prints what the host offers, makes a sandbox, and names the option for what is missing. Returns whether the service can start. */
export async function doctor(config: Config, context: DoctorContext): Promise<boolean> {
  const { json, print, imageRoot, makeSandbox, kind = hostKind(hostFacts()) } = context;
  const { backend, sandboxUid } = config.isolation;
  const report = findIsolation(backend).probe({ sandboxUid });
  const trial = await tryOut(config.isolation.image, imageRoot, makeSandbox);
  const checks: Check[] = [...report.checks, trial];
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
