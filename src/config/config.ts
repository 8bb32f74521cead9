import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { isSuperuser, type Limits, type Plan, type Plans } from '../core/index.ts';
import { nearest } from './nearest.ts';
import { type PlanSettings, type PlansFile, readPlans } from './plans.ts';
import { brokenRules, keySource } from './rules.ts';
import { noteOf, type SettingName, type SettingNote, type Settings, settings } from './settings.ts';
import { readUpstreams, type UpstreamConfig } from './upstreams.ts';
import type { ConfiguredKey } from './values.ts';

/** The whole configuration, read once, frozen, grouped by the room that uses it. Times in milliseconds, sizes in bytes. */
export interface Config {
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly maxBodyBytes: number;
    readonly bodyTimeoutMs: number;
    readonly maxUploadBytes: number;
    readonly maxUploadFiles: number;
    readonly uploadTimeoutMs: number;
  };
  readonly authentication: {
    readonly mode: 'keys' | 'jwt' | 'keys+jwt' | 'open';
    readonly keys: readonly (ConfiguredKey & { readonly plan: string | undefined })[];
    readonly jwt: {
      readonly issuer: string;
      readonly audience: string;
      /** Set whenever the mode accepts tokens. A path is absolute. */
      readonly keys: { readonly url: URL } | { readonly path: string } | undefined;
      readonly algorithms: readonly ('EdDSA' | 'RS256' | 'HS256')[];
      readonly requireTenant: boolean;
    };
  };
  readonly isolation: {
    readonly backend: 'namespaces';
    /** The name of an image, `auto` for the fullest one there is room for, or the absolute path of a root directory. */
    readonly image: string;
    readonly sandboxUid: number;
  };
  readonly engine: {
    /** What every sandbox is made with. */
    readonly limits: Readonly<Limits>;
    /** 0: by cores and memory. */
    readonly concurrency: number;
    readonly queueWaitMs: number;
    /** Parked sandboxes per kind; 0: by cores. */
    readonly pool: number;
    /** Of compiled programs that are kept; 0: none. */
    readonly compileCacheBytes: number;
  };
  readonly upstreams: {
    readonly providers: readonly UpstreamConfig[];
    /** Of requests that name no model. */
    readonly defaultModel: string | undefined;
    /** Callers may bring keys of their own. */
    readonly passthrough: boolean;
    readonly firstTokenMs: number;
    readonly stallMs: number;
    /** Of one answer. */
    readonly totalMs: number;
    readonly retries: number;
  };
  readonly agent: {
    /** Runs of one request. */
    readonly maxCalls: number;
    /** Characters a model is shown of one run. */
    readonly shownChars: number;
  };
  /** What principals may use, by the name of their plan. */
  readonly plans: Plans;
  readonly stores: {
    readonly dataDir: string;
    readonly retentionMs: number;
    /** Of the records of one principal, together. */
    readonly recordBytes: number;
  };
  /** See `SessionServiceOptions`. */
  readonly sessions: {
    readonly idleMs: number;
    readonly maxIdleMs: number;
    readonly maxLifeMs: number;
    readonly maxLive: number;
    readonly reserveBytes: number;
    readonly toolWaitMs: number;
    readonly maxToolExecutions: number;
  };
  readonly telemetry: {
    readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
    readonly format: 'pretty' | 'json';
  };
}

/** Everything wrong with the configuration, one sentence a fault. Holds no secret. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(
      `The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n  ${faults.join('\n  ')}`,
    );
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** What defaults depend on besides the environment. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  readonly home: string;
  readonly isTerminal: boolean;
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
  const given = Object.fromEntries(
    Object.entries(from.env).filter(
      ([name, value]) => name.startsWith('DRAGOMAN_') && value !== undefined && value !== '',
    ),
  ) as Record<string, string>;
  const faults = [...unknownNames(given), ...brokenRules(given)];
  const read = settings.safeParse(given);
  if (!read.success) faults.push(...read.error.issues.map(({ path, message }) => `${String(path[0])} ${message}`));
  const plans = read.success ? readPlans(given, read.data) : undefined;
  const providers = read.success ? readUpstreams(read.data, from.env) : undefined;
  faults.push(...(plans?.faults ?? []), ...(providers?.faults ?? []));
  if (!read.success || !plans || !providers || faults.length > 0) throw new ConfigError(faults.sort());
  return deepFreeze(grouped(read.data, plans, providers.upstreams, from));
}

/** Every setting with its note, in the order of the schema: what the reference page is made from. */
export function settingNotes(): { name: SettingName; note: SettingNote }[] {
  return Object.entries(settings.shape).map(([name, schema]) => ({ name: name as SettingName, note: noteOf(schema) }));
}

function unknownNames(given: Record<string, string>): string[] {
  const known = Object.keys(settings.shape);
  return Object.keys(given)
    .filter((name) => !known.includes(name))
    .map((name) => `${name} is not a setting; did you mean ${nearest(name, known)}?`);
}

function grouped(values: Settings, plans: PlansFile, providers: readonly UpstreamConfig[], from: Surroundings): Config {
  const dataHome = from.env.XDG_DATA_HOME || join(from.home, '.local/share');
  const defaultDataDir = from.isRoot ? '/var/lib/dragoman' : join(dataHome, 'dragoman');
  return {
    http: {
      host: values.DRAGOMAN_HOST,
      port: values.DRAGOMAN_PORT,
      maxBodyBytes: values.DRAGOMAN_MAX_BODY_BYTES,
      bodyTimeoutMs: values.DRAGOMAN_BODY_TIMEOUT_MS,
      maxUploadBytes: values.DRAGOMAN_MAX_UPLOAD_BYTES,
      maxUploadFiles: values.DRAGOMAN_MAX_UPLOAD_FILES,
      uploadTimeoutMs: values.DRAGOMAN_UPLOAD_TIMEOUT_MS,
    },
    authentication: {
      mode: values.DRAGOMAN_AUTH,
      keys: (values.DRAGOMAN_API_KEYS ?? []).map((key) => ({
        ...key,
        plan: key.name === undefined ? undefined : plans.keys.get(key.name),
      })),
      jwt: {
        issuer: values.DRAGOMAN_JWT_ISSUER,
        audience: values.DRAGOMAN_JWT_AUDIENCE,
        keys: values.DRAGOMAN_JWT_KEYS === undefined ? undefined : keySource(values.DRAGOMAN_JWT_KEYS),
        algorithms: values.DRAGOMAN_JWT_ALGORITHMS,
        requireTenant: values.DRAGOMAN_JWT_REQUIRE_TENANT,
      },
    },
    isolation: {
      backend: values.DRAGOMAN_ISOLATION,
      image: values.DRAGOMAN_IMAGE.includes('/') ? resolve(values.DRAGOMAN_IMAGE) : values.DRAGOMAN_IMAGE,
      sandboxUid: values.DRAGOMAN_SANDBOX_UID,
    },
    engine: {
      limits: limitsFrom(values),
      concurrency: values.DRAGOMAN_CONCURRENCY,
      queueWaitMs: values.DRAGOMAN_QUEUE_WAIT_MS,
      pool: values.DRAGOMAN_POOL,
      compileCacheBytes: values.DRAGOMAN_COMPILE_CACHE_BYTES,
    },
    upstreams: {
      providers,
      defaultModel: values.DRAGOMAN_UPSTREAM_MODEL,
      passthrough: values.DRAGOMAN_UPSTREAM_PASSTHROUGH,
      firstTokenMs: values.DRAGOMAN_UPSTREAM_FIRST_TOKEN_MS,
      stallMs: values.DRAGOMAN_UPSTREAM_STALL_MS,
      totalMs: values.DRAGOMAN_UPSTREAM_TOTAL_MS,
      retries: values.DRAGOMAN_UPSTREAM_RETRIES,
    },
    agent: { maxCalls: values.DRAGOMAN_AGENT_MAX_CALLS, shownChars: values.DRAGOMAN_AGENT_SHOWN_CHARS },
    plans: new Map([...plans.plans].map(([name, plan]) => [name, deepFreeze(planFrom(plan))])),
    stores: {
      dataDir: resolve(values.DRAGOMAN_DATA_DIR ?? defaultDataDir),
      retentionMs: values.DRAGOMAN_RETENTION_HOURS * 3_600_000,
      recordBytes: values.DRAGOMAN_RECORD_BYTES,
    },
    sessions: {
      idleMs: values.DRAGOMAN_SESSION_IDLE_MS,
      maxIdleMs: values.DRAGOMAN_SESSION_MAX_IDLE_MS,
      maxLifeMs: values.DRAGOMAN_SESSION_MAX_LIFE_HOURS * 3_600_000,
      maxLive: values.DRAGOMAN_MAX_LIVE_SESSIONS,
      reserveBytes: values.DRAGOMAN_MEMORY_RESERVE_BYTES,
      toolWaitMs: values.DRAGOMAN_TOOL_WAIT_MS,
      maxToolExecutions: values.DRAGOMAN_TOOL_EXECUTIONS,
    },
    telemetry: {
      level: values.DRAGOMAN_LOG_LEVEL,
      format: values.DRAGOMAN_LOG_FORMAT ?? (from.isTerminal ? 'pretty' : 'json'),
    },
  };
}

function limitsFrom(values: Settings): Limits {
  return {
    wallMs: values.DRAGOMAN_RUN_TIMEOUT_MS,
    memoryBytes: values.DRAGOMAN_MEMORY_BYTES,
    processes: values.DRAGOMAN_PROCESSES,
    cpus: values.DRAGOMAN_CPUS,
    outputBytes: values.DRAGOMAN_OUTPUT_BYTES,
    floodBytes: values.DRAGOMAN_FLOOD_BYTES,
    workspaceBytes: values.DRAGOMAN_WORKSPACE_BYTES,
    workspaceFiles: values.DRAGOMAN_WORKSPACE_FILES,
    artifacts: values.DRAGOMAN_ARTIFACTS,
    artifactBytes: values.DRAGOMAN_ARTIFACT_BYTES,
    openFiles: values.DRAGOMAN_OPEN_FILES,
  };
}

function planFrom({ settings: values, concurrency }: PlanSettings): Plan {
  return {
    limits: limitsFrom(values),
    maxWallMs: values.DRAGOMAN_MAX_RUN_TIMEOUT_MS,
    running: concurrency,
    waiting: values.DRAGOMAN_QUEUE,
    storedBytes: values.DRAGOMAN_STORED_BYTES,
    rates: values.DRAGOMAN_RATE_LIMITS,
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !(value instanceof URL)) {
    for (const part of Object.values(value)) deepFreeze(part);
    Object.freeze(value);
  }
  return value;
}
