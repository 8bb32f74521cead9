import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { defaultPlan, type Plan } from '../core/index.ts';
import { keyOf } from './given.ts';
import { planGroup, type SettingValues } from './groups.ts';
import { brokenPlanRules } from './rules.ts';
import { type Given, readGroup, type Surroundings, settingsOf, type Values } from './setting.ts';

export interface PlansFile {
  readonly plans: ReadonlyMap<string, Plan>;
  /** Names of plans by the names of configured keys. */
  readonly keys: ReadonlyMap<string, string>;
  /** Everything wrong with the file, one sentence a fault. */
  readonly faults: readonly string[];
}

/** What a plan of the file says. */
type OwnValues = z.infer<typeof planSchema> & Record<string, unknown>;

const variable = 'DRAGOMAN_PLANS';
const inPlans = settingsOf(planGroup).filter(({ plan }) => plan !== undefined);

const value = z.union([z.string(), z.number()], { error: 'must be text or a number' }).transform(String).optional();
/** Sandboxes are made before it is known which plan they will serve. */
const fixed = (name: string) =>
  z.never({ error: `is the same for every plan, because sandboxes are made ahead of need: set ${name}` }).optional();
const places = 'must be a whole number from 1 to 10000';

/** The settings a plan may have its own values of, by their names without the prefix; `concurrency` is for one principal. */
const planSchema = z.strictObject({
  ...Object.fromEntries(
    inPlans.map((setting) => [keyOf(setting.name), setting.plan === 'own' ? value : fixed(setting.name)]),
  ),
  concurrency: z.int({ error: places }).min(1, places).max(10_000, places).optional(),
});

const planName = /^[A-Za-z0-9._:-]{1,64}$/;
/** A key may have another isolation than its plan. */
const keySchema = z.strictObject({ plan: z.string().optional(), isolation: z.string().optional() });
const fileSchema = z.strictObject({
  plans: z.record(z.string().regex(planName), planSchema, { error: 'must be an object of plans by name' }),
  keys: z.record(z.string(), z.union([z.string(), keySchema])).optional(),
});

/**
 * Reads the plans: each has the settings of the service, except those it has its own values of. Without a file there is one plan,
 * `default`: the settings themselves.
 * @param given the settings of the service, as texts
 * @param base the same, as values
 */
export function readPlans(given: Given, base: SettingValues, from: Surroundings): PlansFile {
  const plans = new Map([[defaultPlan, planFrom(ofService(base), given)]]);
  if (base.plansFile === undefined) return { plans, keys: new Map(), faults: [] };
  const read = readFile(base.plansFile);
  if ('fault' in read) return { plans, keys: new Map(), faults: [`${variable} ${read.fault}`] };
  const faults: string[] = [];
  const add = (name: string, { concurrency, ...own }: OwnValues, whose: string) => {
    const layered = layer(given, own as Given);
    const reading = readGroup(planGroup, layered, from);
    const broken = [...('faults' in reading ? reading.faults : []), ...brokenPlanRules(layered, from)];
    for (const fault of broken) faults.push(`${variable} ${whose}: ${inWordsOfFile(fault)}`);
    if ('value' in reading) plans.set(name, planFrom(reading.value, layered, concurrency));
  };
  const ofFile = new Map(Object.entries(read.file.plans));
  for (const [name, own] of ofFile) add(name, own, `plan ${name}`);
  const keys = new Map<string, string>();
  const known = base.authentication.keys?.map(({ name }) => name) ?? [];
  for (const [key, value] of Object.entries(read.file.keys ?? {})) {
    const { plan = defaultPlan, isolation } = typeof value === 'string' ? { plan: value } : value;
    if (!known.includes(key)) faults.push(`${variable} keys: DRAGOMAN_API_KEYS has no key named ${key}`);
    if (plan !== defaultPlan && !ofFile.has(plan)) faults.push(`${variable} keys: there is no plan ${plan}`);
    // A plan of its own, under a name that none of the file can have.
    const name = isolation === undefined ? plan : `${plan}+${isolation}`;
    if (isolation !== undefined && !plans.has(name))
      add(name, { ...ofFile.get(plan), isolation, isolation_choices: '' }, `key ${key}`);
    keys.set(key, name);
  }
  return { plans, keys, faults };
}

const planFrom = (values: Values<typeof planGroup>, given: Given, running?: number): Plan => ({
  ...values,
  isTimeUsual: given[planGroup.limits.wallMs.name] === undefined,
  otherTiers: values.otherTiers ?? [],
  running,
});

const ofService = ({ plan, engine, isolation }: SettingValues): Values<typeof planGroup> => ({
  ...plan,
  limits: engine.limits,
  tier: isolation.backend,
  otherTiers: isolation.choices,
});

function readFile(value: string): { file: z.infer<typeof fileSchema> } | { fault: string } {
  const isJson = value.startsWith('{');
  const path = resolve(value);
  let json: unknown;
  try {
    json = JSON.parse(isJson ? value : readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return { fault: isJson ? 'is not valid JSON' : `${path} is not valid JSON` };
    return { fault: `${path} cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
  const parsed = fileSchema.safeParse(json);
  if (parsed.success) return { file: parsed.data };
  return { fault: parsed.error.issues.map(({ path: at, message }) => `${at.join('.')}: ${message}`).join('; ') };
}

function layer(given: Given, own: Given): Given {
  const layered: Record<string, string> = { ...given };
  for (const setting of inPlans) {
    const text = own[keyOf(setting.name)];
    if (text !== undefined) layered[setting.name] = text;
  }
  // A plan that says what its sandboxes are behind means it: what others may choose is not for it.
  if (own.isolation !== undefined && own.isolation_choices === undefined) delete layered.DRAGOMAN_ISOLATION_CHOICES;
  // Classes of requests that a plan leaves out keep the rate of the service.
  const rates = given.DRAGOMAN_RATE_LIMITS;
  if (own.rate_limits !== undefined && own.rate_limits !== 'off' && rates !== undefined)
    layered.DRAGOMAN_RATE_LIMITS = `${rates === 'off' ? 'exec=off,upload=off,download=off,list=off' : rates},${own.rate_limits}`;
  return layered;
}

function inWordsOfFile(fault: string): string {
  return inPlans.reduce((text, { name }) => text.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), keyOf(name)), fault);
}
