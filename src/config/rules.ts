import { resolve } from 'node:path';
import { isLoopbackHost } from '../core/index.ts';
import { type SettingName, type Settings, settings } from './settings.ts';

/** What the temporary directory and shared memory of a sandbox may take besides its workspace. */
const scratchBytes = 192 * 1024 * 1024;

type Given = Readonly<Record<string, string>>;
type Rule = <K extends SettingName>(names: readonly K[], check: (values: Pick<Settings, K>) => string | false) => void;

/** Rules between settings; each is checked as soon as the settings it speaks of are valid, whatever else is wrong. */
export function brokenRules(given: Given): string[] {
  return [...check(given, serverRules), ...brokenPlanRules(given)];
}

/** The rules between settings that a plan may have its own values of. */
export function brokenPlanRules(given: Given): string[] {
  return check(given, planRules);
}

function check(given: Given, rules: (rule: Rule) => void): string[] {
  const faults: (string | false)[] = [];
  rules((names, check) => {
    const read = names.map((name) => [name, settings.shape[name].safeParse(given[name])] as const);
    if (read.every(([, result]) => result.success))
      faults.push(check(Object.fromEntries(read.map(([name, result]) => [name, result.data])) as never));
  });
  return faults.filter((fault) => fault !== false);
}

function serverRules(rule: Rule): void {
  rule(
    ['DRAGOMAN_AUTH', 'DRAGOMAN_HOST'],
    (v) =>
      v.DRAGOMAN_AUTH === 'open' &&
      !isLoopbackHost(v.DRAGOMAN_HOST) &&
      `DRAGOMAN_AUTH=open lets anyone who reaches DRAGOMAN_HOST=${v.DRAGOMAN_HOST} run programs; use keys, or a loopback host`,
  );
  rule(
    ['DRAGOMAN_AUTH', 'DRAGOMAN_JWT_KEYS'],
    (v) =>
      v.DRAGOMAN_AUTH.includes('jwt') &&
      v.DRAGOMAN_JWT_KEYS === undefined &&
      `DRAGOMAN_JWT_KEYS must be set when DRAGOMAN_AUTH is ${v.DRAGOMAN_AUTH}`,
  );
  rule(
    ['DRAGOMAN_JWT_KEYS'],
    (v) => v.DRAGOMAN_JWT_KEYS !== undefined && keySource(v.DRAGOMAN_JWT_KEYS) === undefined && insecureKeys,
  );
  rule(
    ['DRAGOMAN_UPSTREAM_PROVIDER', 'DRAGOMAN_UPSTREAM_BASE_URL'],
    (v) =>
      v.DRAGOMAN_UPSTREAM_PROVIDER === 'openai-compatible' &&
      v.DRAGOMAN_UPSTREAM_BASE_URL === undefined &&
      'DRAGOMAN_UPSTREAM_BASE_URL must be set when DRAGOMAN_UPSTREAM_PROVIDER is openai-compatible',
  );
  rule(
    ['DRAGOMAN_UPSTREAM_PROVIDER', 'DRAGOMAN_UPSTREAM_BASE_URL', 'DRAGOMAN_UPSTREAM_API_KEY'],
    (v) =>
      v.DRAGOMAN_UPSTREAM_PROVIDER === undefined &&
      (v.DRAGOMAN_UPSTREAM_BASE_URL !== undefined || v.DRAGOMAN_UPSTREAM_API_KEY !== undefined) &&
      'DRAGOMAN_UPSTREAM_PROVIDER must be set for DRAGOMAN_UPSTREAM_BASE_URL and DRAGOMAN_UPSTREAM_API_KEY to mean something',
  );
  rule(
    ['DRAGOMAN_MEMORY_BYTES', 'DRAGOMAN_WORKSPACE_BYTES'],
    (v) =>
      v.DRAGOMAN_MEMORY_BYTES <= v.DRAGOMAN_WORKSPACE_BYTES + scratchBytes &&
      'DRAGOMAN_MEMORY_BYTES must be more than DRAGOMAN_WORKSPACE_BYTES and 192 MiB together: files in the workspace and in temporary directories live in memory',
  );
}

function planRules(rule: Rule): void {
  rule(
    ['DRAGOMAN_RUN_TIMEOUT_MS', 'DRAGOMAN_MAX_RUN_TIMEOUT_MS'],
    (v) =>
      v.DRAGOMAN_RUN_TIMEOUT_MS > v.DRAGOMAN_MAX_RUN_TIMEOUT_MS &&
      'DRAGOMAN_RUN_TIMEOUT_MS must not be more than DRAGOMAN_MAX_RUN_TIMEOUT_MS',
  );
  rule(
    ['DRAGOMAN_OUTPUT_BYTES', 'DRAGOMAN_FLOOD_BYTES'],
    (v) =>
      v.DRAGOMAN_OUTPUT_BYTES > v.DRAGOMAN_FLOOD_BYTES &&
      'DRAGOMAN_OUTPUT_BYTES must not be more than DRAGOMAN_FLOOD_BYTES',
  );
}

const insecureKeys = 'DRAGOMAN_JWT_KEYS must be a path or a URL with https (http only on a loopback host)';

/** Where token keys come from; undefined for a URL that anybody on the way could change. */
export function keySource(value: string): { url: URL } | { path: string } | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(value)) return { path: resolve(value) };
  const url = URL.parse(value);
  const trusted = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname));
  return url && trusted ? { url } : undefined;
}
