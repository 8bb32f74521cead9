import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { defaultPlan } from '../core/index.ts';
import { brokenPlanRules } from './rules.ts';
import { type SettingName, type Settings, settings } from './settings.ts';

/** One plan of the file: settings with the plan's own values, and what it has beyond settings. */
export interface PlanSettings {
  readonly settings: Settings;
  /** Programs of one principal running at once; undefined: three in four of all places. */
  readonly concurrency: number | undefined;
}

export interface PlansFile {
  readonly plans: ReadonlyMap<string, PlanSettings>;
  /** Names of plans by the names of configured keys. */
  readonly keys: ReadonlyMap<string, string>;
  /** Everything wrong with the file, one sentence a fault. */
  readonly faults: readonly string[];
}

type Given = Readonly<Record<string, string>>;

const variable = 'DRAGOMAN_PLANS';
const settingOf = (key: string) => `DRAGOMAN_${key.toUpperCase()}` as SettingName;

const value = z.union([z.string(), z.number()], { error: 'must be text or a number' }).transform(String).optional();
/** Sandboxes are made ahead of need, before it is known for whom. */
const fixed = (setting: SettingName) =>
  z.never({ error: `is the same for every plan, since sandboxes are made ahead of need: set ${setting}` }).optional();
const places = 'must be a whole number from 1 to 10000';

/** The settings a plan may have its own values of, by their names without the prefix; `concurrency` is for one principal. */
const planSchema = z.strictObject({
  run_timeout_ms: value,
  max_run_timeout_ms: value,
  memory_bytes: value,
  cpus: value,
  processes: value,
  output_bytes: value,
  flood_bytes: value,
  artifacts: value,
  artifact_bytes: value,
  stored_bytes: value,
  queue: value,
  rate_limits: value,
  concurrency: z.int({ error: places }).min(1, places).max(10_000, places).optional(),
  workspace_bytes: fixed('DRAGOMAN_WORKSPACE_BYTES'),
  workspace_files: fixed('DRAGOMAN_WORKSPACE_FILES'),
  open_files: fixed('DRAGOMAN_OPEN_FILES'),
});

const planName = /^[A-Za-z0-9._:-]{1,64}$/;
const fileSchema = z.strictObject({
  plans: z.record(z.string().regex(planName), planSchema, { error: 'must be an object of plans by name' }),
  keys: z.record(z.string(), z.string()).optional(),
});

/**
 * Reads the plans, each laid over the settings of the environment. Without a file there is one plan, `default`: the settings
 * themselves.
 * @param given the environment's settings, in the form they have there
 */
export function readPlans(given: Given, base: Settings): PlansFile {
  const plans = new Map<string, PlanSettings>([[defaultPlan, { settings: base, concurrency: undefined }]]);
  const path = base[variable];
  if (path === undefined) return { plans, keys: new Map(), faults: [] };
  const read = readFile(resolve(path));
  if ('fault' in read) return { plans, keys: new Map(), faults: [`${variable} ${read.fault}`] };
  const faults: string[] = [];
  for (const [name, { concurrency, ...own }] of Object.entries(read.file.plans)) {
    const layered = layer(given, own as Given);
    const parsed = settings.safeParse(layered);
    const broken = [
      ...(parsed.error?.issues.map(({ path: [at], message }) => `${String(at)} ${message}`) ?? []),
      ...brokenPlanRules(layered),
    ];
    for (const fault of broken) faults.push(`${variable} plan ${name}: ${inWordsOfFile(fault)}`);
    if (parsed.success) plans.set(name, { settings: parsed.data, concurrency });
  }
  const keys = new Map(Object.entries(read.file.keys ?? {}));
  const known = base.DRAGOMAN_API_KEYS?.map(({ name }) => name) ?? [];
  const named = [...Object.keys(read.file.plans), defaultPlan];
  for (const [key, plan] of keys) {
    if (!known.includes(key)) faults.push(`${variable} keys: DRAGOMAN_API_KEYS has no key named ${key}`);
    if (!named.includes(plan)) faults.push(`${variable} keys: there is no plan ${plan}`);
  }
  return { plans, keys, faults };
}

function readFile(path: string): { file: z.infer<typeof fileSchema> } | { fault: string } {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return { fault: `${path} is not valid JSON` };
    return { fault: `${path} cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
  const parsed = fileSchema.safeParse(json);
  if (parsed.success) return { file: parsed.data };
  return { fault: parsed.error.issues.map(({ path: at, message }) => `${at.join('.')}: ${message}`).join('; ') };
}

function layer(given: Given, own: Given): Given {
  const layered: Record<string, string> = { ...given };
  for (const [key, text] of Object.entries(own)) layered[settingOf(key)] = text;
  // Classes of requests that a plan leaves out keep the service's rate.
  const rates = given.DRAGOMAN_RATE_LIMITS;
  if (own.rate_limits !== undefined && own.rate_limits !== 'off' && rates !== undefined)
    layered.DRAGOMAN_RATE_LIMITS = `${rates === 'off' ? 'exec=off,upload=off,download=off,list=off' : rates},${own.rate_limits}`;
  return layered;
}

function inWordsOfFile(fault: string): string {
  return Object.keys(planSchema.shape).reduce((text, key) => text.replaceAll(settingOf(key), key), fault);
}
