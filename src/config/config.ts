import { homedir } from 'node:os';
import { isSuperuser, type Plans } from '../core/index.ts';
import { groups, type SettingValues } from './groups.ts';
import { nearest } from './nearest.ts';
import { readPlans } from './plans.ts';
import { brokenRules } from './rules.ts';
import { type Given, readGroup, type Setting, type Surroundings, settingsOf } from './setting.ts';
import { readUpstreams, type UpstreamConfig } from './upstreams.ts';
import type { ConfiguredKey } from './values.ts';

/** Every setting, in the order of the reference page. */
export const allSettings: readonly Setting[] = settingsOf(groups);

/**
 * The whole configuration: read once, frozen, grouped by the room that uses it. Times in milliseconds, sizes in bytes. The groups
 * and their values are those of the settings; only what several settings make together is named here.
 */
export interface Config
  extends Omit<SettingValues, 'authentication' | 'plan' | 'plansFile' | 'providers' | 'upstreams'> {
  readonly authentication: Omit<SettingValues['authentication'], 'keys'> & {
    readonly keys: readonly (ConfiguredKey & { readonly plan: string | undefined })[];
  };
  readonly upstreams: SettingValues['upstreams'] & { readonly providers: readonly UpstreamConfig[] };
  /** What principals may use, by the name of their plan. */
  readonly plans: Plans;
}

/** Everything wrong with the configuration, one sentence a fault. Holds no secret. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
    super(`The configuration has ${count}:\n  ${faults.join('\n  ')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

const surroundingsOfProcess = (): Surroundings => ({
  env: process.env,
  isRoot: isSuperuser(),
  home: homedir(),
  isTerminal: process.stdout.isTTY === true,
});

/**
 * Reads the configuration from the environment. An empty variable counts as unset.
 * @throws ConfigError naming every fault at once
 */
export function loadConfig(from: Surroundings = surroundingsOfProcess()): Config {
  const given = givenSettings(from.env);
  const faults = [...unknownNames(given), ...brokenRules(given, from)];
  const reading = readGroup(groups, given, from);
  if ('faults' in reading) throw new ConfigError([...faults, ...reading.faults].sort());
  const { authentication, plan, plansFile, providers, upstreams, ...values } = reading.value;
  const plans = readPlans(given, reading.value, from);
  const read = readUpstreams(providers, from.env);
  faults.push(...plans.faults, ...read.faults);
  if (faults.length > 0) throw new ConfigError(faults.sort());
  const keys = (authentication.keys ?? []).map((key) => ({
    ...key,
    plan: key.name === undefined ? undefined : plans.keys.get(key.name),
  }));
  return deepFreeze({
    ...values,
    authentication: { ...authentication, keys },
    upstreams: { ...upstreams, providers: read.upstreams },
    plans: plans.plans,
  });
}

function givenSettings(env: Surroundings['env']): Given {
  const set = (entry: [string, string | undefined]): entry is [string, string] => Boolean(entry[1]);
  return Object.fromEntries(
    Object.entries(env)
      .filter(([name]) => name.startsWith('DRAGOMAN_'))
      .filter(set),
  );
}

function unknownNames(given: Given): string[] {
  const known = allSettings.map(({ name }) => name);
  return Object.keys(given)
    .filter((name) => !known.includes(name))
    .map((name) => `${name} is not a setting; did you mean ${nearest(name, known)}?`);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !(value instanceof URL)) {
    for (const part of value instanceof Map ? value.values() : Object.values(value)) deepFreeze(part);
    Object.freeze(value);
  }
  return value;
}
