import { gradeOf, isLoopbackHost } from '../core/index.ts';
import { groups, planGroup } from './groups.ts';
import type { Given, Setting, Surroundings } from './setting.ts';
import { MiB } from './values.ts';

/** Memory that the temporary directory and shared memory of a sandbox may use besides its workspace. */
const scratchBytes = 192 * MiB;

/** The most that a sandbox in a virtual machine can have. */
const machineBytes = 2048 * MiB;

interface Rule {
  readonly settings: readonly Setting[];
  check(values: readonly unknown[]): string | false;
}

type Of<S> = { [I in keyof S]: S[I] extends Setting<infer T> ? T : never };

/** A rule between settings: `check` returns the fault of their values, or false. */
function rule<const S extends readonly Setting[]>(settings: S, check: (...values: Of<S>) => string | false): Rule {
  return { settings, check: (values) => check(...(values as Of<S>)) };
}

/** Every broken rule, as a sentence. A rule is checked when its own settings are valid, even if others are not. */
export function brokenRules(given: Given, from: Surroundings): string[] {
  return [...broken(serverRules, given, from), ...brokenPlanRules(given, from)];
}

/** The broken rules between settings that a plan may have its own values of. */
export function brokenPlanRules(given: Given, from: Surroundings): string[] {
  return broken(planRules, given, from);
}

function broken(rules: readonly Rule[], given: Given, from: Surroundings): string[] {
  return rules.flatMap(({ settings, check }) => {
    const readings = settings.map((setting) => setting.read(given, from));
    const values = readings.flatMap((reading) => ('value' in reading ? [reading.value] : []));
    return (values.length === settings.length && check(values)) || [];
  });
}

const { authentication, cluster, engine, http, isolation, providers, stores, webhooks } = groups;

const serverRules = [
  rule(
    [cluster.role, cluster.natsUrl],
    (role, url) =>
      (role === 'all' &&
        url !== undefined &&
        'DRAGOMAN_NATS_URL is for gateways and workers: choose a role with DRAGOMAN_ROLE, or leave the URL out') ||
      ((role === 'gateway' || role === 'worker') &&
        url === undefined &&
        `DRAGOMAN_NATS_URL must be set when DRAGOMAN_ROLE is ${role}`),
  ),
  rule(
    [cluster.role, stores.databaseUrl],
    (role, url) =>
      (role === 'gateway' &&
        url === undefined &&
        'DRAGOMAN_DATABASE_URL must be set when DRAGOMAN_ROLE is gateway: gateways share a PostgreSQL database') ||
      (role === 'worker' &&
        url !== undefined &&
        'DRAGOMAN_DATABASE_URL must not be set when DRAGOMAN_ROLE is worker: a worker runs code that is not trusted, and needs no database'),
  ),
  rule(
    [cluster.role, stores.filesPlace],
    (role, place) =>
      (role === 'worker' &&
        place !== undefined &&
        'DRAGOMAN_FILES_URL must not be set when DRAGOMAN_ROLE is worker: gateways lend it the files of its jobs') ||
      (role === 'files' &&
        place !== undefined &&
        'DRAGOMAN_FILES_URL must not be set when DRAGOMAN_ROLE is files: it keeps them in its data directory') ||
      (role === 'gateway' &&
        place === undefined &&
        'DRAGOMAN_FILES_URL must be set when DRAGOMAN_ROLE is gateway: gateways and workers share the files'),
  ),
  rule(
    [cluster.role, stores.filesPlace, stores.filesSecret],
    (role, place, secret) =>
      ((role === 'files' || (place !== undefined && 'url' in place)) &&
        secret === undefined &&
        'DRAGOMAN_FILES_SECRET must be set: a files role and its gateways share it') ||
      (role === 'worker' &&
        secret !== undefined &&
        'DRAGOMAN_FILES_SECRET must not be set when DRAGOMAN_ROLE is worker: a worker runs code that is not trusted'),
  ),
  rule(
    [authentication.mode, http.host],
    (mode, host) =>
      mode === 'open' &&
      !isLoopbackHost(host) &&
      `DRAGOMAN_AUTH=open lets anyone who reaches DRAGOMAN_HOST=${host} run programs; use keys, or a loopback host`,
  ),
  rule([authentication.keys, authentication.adminKeys], (keys, names) => {
    const missing = names?.find((name) => !keys?.some((key) => key.name === name));
    return (
      missing !== undefined && `DRAGOMAN_ADMIN_KEYS names ${missing}, and DRAGOMAN_API_KEYS has no key of that name`
    );
  }),
  rule(
    [authentication.mode, authentication.jwt.keys],
    (mode, keys) =>
      mode.includes('jwt') && keys === undefined && `DRAGOMAN_JWT_KEYS must be set when DRAGOMAN_AUTH is ${mode}`,
  ),
  rule(
    [webhooks.url, webhooks.secret],
    (url, secret) =>
      (url === undefined) !== (secret === undefined) &&
      'DRAGOMAN_WEBHOOK_URL and DRAGOMAN_WEBHOOK_SECRET must be set together: every webhook is signed',
  ),
  rule(
    [providers.provider, providers.baseUrl],
    (provider, baseUrl) =>
      provider === 'openai-compatible' &&
      baseUrl === undefined &&
      'DRAGOMAN_UPSTREAM_BASE_URL must be set when DRAGOMAN_UPSTREAM_PROVIDER is openai-compatible',
  ),
  rule(
    [providers.provider, providers.baseUrl, providers.apiKey],
    (provider, baseUrl, apiKey) =>
      provider === undefined &&
      (baseUrl !== undefined || apiKey !== undefined) &&
      'DRAGOMAN_UPSTREAM_BASE_URL and DRAGOMAN_UPSTREAM_API_KEY need DRAGOMAN_UPSTREAM_PROVIDER to be set',
  ),
  rule(
    [engine.limits.memoryBytes, engine.limits.workspaceBytes],
    (memory, workspace) =>
      memory <= workspace + scratchBytes &&
      'DRAGOMAN_MEMORY_BYTES must be more than DRAGOMAN_WORKSPACE_BYTES and 192 MiB together: files in the workspace and in temporary directories use memory',
  ),
];

const planRules = [
  rule(
    [planGroup.limits.wallMs, planGroup.maxWallMs],
    (wallMs, maxWallMs) =>
      wallMs > maxWallMs && 'DRAGOMAN_RUN_TIMEOUT_MS must not be more than DRAGOMAN_MAX_RUN_TIMEOUT_MS',
  ),
  rule(
    [planGroup.limits.outputBytes, planGroup.limits.floodBytes],
    (output, flood) => output > flood && 'DRAGOMAN_OUTPUT_BYTES must not be more than DRAGOMAN_FLOOD_BYTES',
  ),
  rule(
    [planGroup.tier, isolation.least],
    (tier, least) =>
      gradeOf(tier) < gradeOf(least) &&
      `DRAGOMAN_ISOLATION must not be ${tier}, which is weaker than DRAGOMAN_MIN_ISOLATION=${least}`,
  ),
  rule(
    [planGroup.tier, planGroup.otherTiers, planGroup.limits.memoryBytes],
    (tier, others, memory) =>
      [tier, ...(others ?? [])].includes('microvm') &&
      memory > machineBytes &&
      'DRAGOMAN_MEMORY_BYTES must not be more than 2 GiB with the isolation microvm: a virtual machine has no more',
  ),
  rule([planGroup.otherTiers, isolation.least], (others, least) => {
    const weak = others?.find((tier) => gradeOf(tier) < gradeOf(least));
    return (
      weak !== undefined &&
      `DRAGOMAN_ISOLATION_CHOICES must not hold ${weak}, which is weaker than DRAGOMAN_MIN_ISOLATION=${least}`
    );
  }),
];
