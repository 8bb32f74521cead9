import { homedir } from 'node:os';
import { isSuperuser, type Plans } from '../core/index.ts';
import { collectSettings, keyOf } from './given.ts';
import { groups, type SettingValues } from './groups.ts';
import { readPlans } from './plans.ts';
import { printSettings } from './print.ts';
import { brokenRules } from './rules.ts';
import { readGroup, type Setting, type Surroundings, settingsOf } from './setting.ts';
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
  readonly authentication: Omit<SettingValues['authentication'], 'keys' | 'adminKeys'> & {
    readonly keys: readonly (ConfiguredKey & {
      readonly plan: string | undefined;
      readonly isAdmin: true | undefined;
    })[];
  };
  readonly upstreams: SettingValues['upstreams'] & { readonly providers: readonly UpstreamConfig[] };
  /** What principals may use, by the name of their plan. */
  readonly plans: Plans;
  /** How the configuration was read, where an operator should know it. */
  readonly notes: readonly string[];
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
 * Reads the configuration from the environment and the file that `DRAGOMAN_CONFIG` names.
 * @throws ConfigError naming every fault at once
 */
export function loadConfig(from: Surroundings = surroundingsOfProcess()): Config {
  const collected = collectSettings(from.env, allSettings);
  const { given, sources, notes } = collected;
  const faults = [...collected.faults, ...brokenRules(given, from)];
  const fail = () => new ConfigError(faults.map((fault) => withSource(fault, sources)).sort());
  const reading = readGroup(groups, given, from);
  if ('faults' in reading) {
    faults.push(...reading.faults);
    throw fail();
  }
  const { authentication, plan, plansFile, providers, upstreams, ...values } = reading.value;
  const plans = readPlans(given, reading.value, from);
  const read = readUpstreams(providers, from.env);
  faults.push(...plans.faults, ...read.faults);
  if (faults.length > 0) throw fail();
  const { keys: configured = [], adminKeys = [], ...access } = authentication;
  const keys = configured.map((key) => ({
    ...key,
    plan: key.name === undefined ? undefined : plans.keys.get(key.name),
    isAdmin: key.name !== undefined && adminKeys.includes(key.name) ? (true as const) : undefined,
  }));
  return deepFreeze({
    ...values,
    authentication: { ...access, keys },
    upstreams: { ...upstreams, providers: read.upstreams },
    plans: plans.plans,
    notes,
  });
}

/** The settings in effect with their sources, as YAML, without secrets. @throws ConfigError when `loadConfig` does */
export function describeConfig(from: Surroundings = surroundingsOfProcess()): string {
  loadConfig(from);
  return printSettings(allSettings, collectSettings(from.env, allSettings), from);
}

/** A fault of a setting that came from the configuration file says so. */
function withSource(fault: string, sources: ReadonlyMap<string, string>): string {
  const name = fault.split(' ', 1)[0]!;
  const source = sources.get(name);
  return source === undefined || source === 'environment' ? fault : `${fault} (${keyOf(name)} in ${source})`;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !(value instanceof URL)) {
    for (const part of value instanceof Map ? value.values() : Object.values(value)) deepFreeze(part);
    Object.freeze(value);
  }
  return value;
}
