import { z } from 'zod';
import type { RateLimits } from '../core/index.ts';
import {
  algorithms,
  apiKeys,
  bytes,
  choice,
  flag,
  fraction,
  httpUrl,
  rateLimits,
  text,
  upstreamProviders,
  whole,
} from './values.ts';

/** What the reference page says of a setting. */
export interface SettingNote {
  readonly section: string;
  readonly type: string;
  readonly default: string;
  readonly help: string;
}

const notes = z.registry<SettingNote>();

/** The note of a setting of `settings.shape`. */
export const noteOf = (setting: z.ZodType): SettingNote => notes.get(setting)!;

/** A setting with a default, in the form it would have in the environment. */
function setting<S extends z.ZodType<unknown, string>>(
  section: string,
  type: string,
  schema: S,
  fallback: string,
  help: string,
) {
  const result = schema.prefault(fallback as z.input<S> & string);
  notes.add(result, { section, type, default: `\`${fallback}\``, help });
  return result;
}

/** A setting that may stay unset; `fallback` says in words what happens then. */
function optional<S extends z.ZodType<unknown, string>>(
  section: string,
  type: string,
  schema: S,
  fallback: string,
  help: string,
) {
  const result = schema.optional();
  notes.add(result, { section, type, default: fallback, help });
  return result;
}

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const TiB = 1024 * GiB;
const hour = 3_600_000;

const server = 'Server';
const access = 'Access';
const sandboxes = 'Sandboxes';
const limits = 'Limits of one execution';
const load = 'Load';
const models = 'Models';
const sessions = 'Live sessions';
const toolCalls = 'Tool calls';
const storage = 'Storage';
const logging = 'Logging';

const ms = 'milliseconds';
const number = 'number';
const size = 'size';

const generousRates = 'exec=600/30s,upload=300/5m,download=1200/1m,list=2400/1m';
const noLimits: RateLimits = { exec: null, upload: null, download: null, list: null };
const defaultRates = rateLimits(noLimits).parse(generousRates);

/**
 * The one schema of the configuration: every environment variable the service reads, its default and what it means.
 * The keys are the variables' names; each value schema reads the variable's text.
 */
export const settings = z.object({
  DRAGOMAN_HOST: setting(server, 'host', text(), '127.0.0.1', 'Address to listen on.'),
  DRAGOMAN_PORT: setting(server, number, whole(0, 65_535), '8080', 'TCP port to listen on; 0 takes any free port.'),
  DRAGOMAN_MAX_BODY_BYTES: setting(
    server,
    size,
    bytes(KiB, GiB),
    '32m',
    'Largest JSON request body; bodies under way may take twice this of memory for one principal, and eight times for all.',
  ),
  DRAGOMAN_BODY_TIMEOUT_MS: setting(server, ms, whole(100, hour), '30000', 'How long a JSON body may take to arrive.'),
  DRAGOMAN_MAX_UPLOAD_BYTES: setting(server, size, bytes(1, TiB), '150m', 'Largest uploaded file.'),
  DRAGOMAN_MAX_UPLOAD_FILES: setting(server, number, whole(1, 10_000), '200', 'Most files in one upload.'),
  DRAGOMAN_UPLOAD_TIMEOUT_MS: setting(
    server,
    ms,
    whole(1000, hour),
    '120000',
    'How long a request may take to arrive, uploads included.',
  ),

  DRAGOMAN_AUTH: setting(
    access,
    'choice',
    choice('keys', 'jwt', 'keys+jwt', 'open'),
    'keys',
    "Which credentials are accepted: API keys (`keys`), LibreChat's tokens (`jwt`), both (`keys+jwt`), or none needed (`open`, on a loopback host only).",
  ),
  DRAGOMAN_API_KEYS: optional(
    access,
    'list',
    apiKeys(),
    'one key is made at the first start',
    'API keys as `name:secret` or `secret`, separated by commas; files belong to the name, so keep it when you renew a secret.',
  ),
  DRAGOMAN_JWT_ISSUER: setting(access, 'text', text(), 'librechat', 'The `iss` a token must carry.'),
  DRAGOMAN_JWT_AUDIENCE: setting(access, 'text', text(), 'codeapi', 'The `aud` a token must carry.'),
  DRAGOMAN_JWT_KEYS: optional(
    access,
    'path or URL',
    text(),
    'none; needed when tokens are accepted',
    'Keys that verify tokens: a JWKS (file, or URL with https, or http on loopback), a PEM file, or a directory of `<kid>.pem`, `<kid>.jwk` or `<kid>.json`.',
  ),
  DRAGOMAN_JWT_ALGORITHMS: setting(
    access,
    'list',
    algorithms(),
    'EdDSA,RS256',
    'Signature algorithms accepted in tokens; `HS256` only works when it is listed here.',
  ),
  DRAGOMAN_JWT_REQUIRE_TENANT: setting(
    access,
    'true or false',
    flag(),
    'false',
    'Refuse tokens without a `tenant_id`.',
  ),

  DRAGOMAN_ISOLATION: setting(
    sandboxes,
    'choice',
    choice('namespaces'),
    'namespaces',
    'What keeps sandboxes apart from the host and from each other.',
  ),
  DRAGOMAN_IMAGE: setting(
    sandboxes,
    'name or path',
    text(),
    'auto',
    'Root file system of the sandboxes: `full` (thirteen languages), `core` (Python, JavaScript, TypeScript and Bash), `auto` (`full` where the disk has room for it, else `core`), or the path of a root directory, with a slash in it.',
  ),
  DRAGOMAN_SANDBOX_UID: setting(
    sandboxes,
    number,
    whole(1, 4_294_967_294),
    '2000000000',
    'First of 4096 user ids for sandboxes when the service runs as root: each sandbox gets one of its own. An ordinary user takes them from `/etc/subuid`.',
  ),
  DRAGOMAN_POOL: setting(
    sandboxes,
    number,
    whole(0, 1000),
    '0',
    'Sandboxes of each kind kept ready ahead of need; 0 chooses by cores.',
  ),

  DRAGOMAN_RUN_TIMEOUT_MS: setting(
    limits,
    ms,
    whole(1, 24 * hour),
    '30000',
    'Wall clock of a program whose request names no limit.',
  ),
  DRAGOMAN_MAX_RUN_TIMEOUT_MS: setting(
    limits,
    ms,
    whole(1, 24 * hour),
    '300000',
    'Longest wall clock a request may ask for.',
  ),
  DRAGOMAN_MEMORY_BYTES: setting(
    limits,
    size,
    bytes(32 * MiB, TiB),
    '1g',
    "Memory of a sandbox, its workspace and temporary files included; more than the workspace's size and 192 MiB together.",
  ),
  DRAGOMAN_CPUS: setting(limits, number, fraction(1024), '1', 'CPU cores a sandbox may use; may be a fraction.'),
  DRAGOMAN_PROCESSES: setting(
    limits,
    number,
    whole(1, 100_000),
    '128',
    'Processes and threads alive at once in a sandbox.',
  ),
  DRAGOMAN_OUTPUT_BYTES: setting(
    limits,
    size,
    bytes(KiB, GiB),
    '256k',
    'Kept of each output stream: its first and its last half.',
  ),
  DRAGOMAN_FLOOD_BYTES: setting(
    limits,
    size,
    bytes(KiB, TiB),
    '16m',
    'Output on one stream after which the program is stopped.',
  ),
  DRAGOMAN_WORKSPACE_BYTES: setting(limits, size, bytes(MiB, TiB), '256m', 'Size of the workspace, `/mnt/data`.'),
  DRAGOMAN_WORKSPACE_FILES: setting(
    limits,
    number,
    whole(16, 10_000_000),
    '20000',
    'Files and directories the workspace can hold.',
  ),
  DRAGOMAN_ARTIFACTS: setting(limits, number, whole(0, 10_000), '50', 'Files kept of what a program made or changed.'),
  DRAGOMAN_ARTIFACT_BYTES: setting(
    limits,
    size,
    bytes(0, TiB),
    '64m',
    'Largest file kept of what a program made or changed.',
  ),
  DRAGOMAN_OPEN_FILES: setting(limits, number, whole(32, 1_048_576), '1024', 'Files open at once in one process.'),

  DRAGOMAN_SESSION_IDLE_MS: setting(
    sessions,
    ms,
    whole(1000, 30 * 24 * hour),
    '1200000',
    'How long a session keeps its sandbox, and with it its variables, without use; its files stay.',
  ),
  DRAGOMAN_SESSION_MAX_IDLE_MS: setting(
    sessions,
    ms,
    whole(1000, 30 * 24 * hour),
    '86400000',
    'The most a session may ask for instead.',
  ),
  DRAGOMAN_SESSION_MAX_LIFE_HOURS: setting(
    sessions,
    number,
    whole(1, 8760),
    '168',
    'When a session ends, files and all, however much it is used.',
  ),
  DRAGOMAN_MAX_LIVE_SESSIONS: setting(
    sessions,
    number,
    whole(1, 100_000),
    '500',
    'Sandboxes of sessions at once; beyond it the one longest unused is let go.',
  ),
  DRAGOMAN_MEMORY_RESERVE_BYTES: setting(
    sessions,
    size,
    bytes(0, TiB),
    '512m',
    'While less memory than this is available, sandboxes of unused sessions are let go.',
  ),

  DRAGOMAN_TOOL_WAIT_MS: setting(
    toolCalls,
    ms,
    whole(1000, 24 * hour),
    '600000',
    'How long code may wait for its caller to answer a tool call; after that it is ended.',
  ),
  DRAGOMAN_TOOL_EXECUTIONS: setting(
    toolCalls,
    number,
    whole(1, 100_000),
    '200',
    'Executions of one principal that may call tools, at once. Those that wait hold memory, some megabytes each, and nothing else.',
  ),

  DRAGOMAN_CONCURRENCY: setting(
    load,
    number,
    whole(0, 10_000),
    '0',
    'Programs running at once; 0 chooses by cores and memory.',
  ),
  DRAGOMAN_QUEUE: setting(
    load,
    number,
    whole(0, 100_000),
    '64',
    'Executions of one principal that may wait for a place.',
  ),
  DRAGOMAN_QUEUE_WAIT_MS: setting(load, ms, whole(1, hour), '60000', 'How long an execution may wait for a place.'),
  DRAGOMAN_RATE_LIMITS: setting(
    load,
    'list',
    rateLimits(defaultRates),
    generousRates,
    'Requests of one principal by class of route, as `class=count/period` or `class=off` (classes left out keep their default); `off` lifts all. One principal may be a whole LibreChat.',
  ),
  DRAGOMAN_PLANS: optional(
    load,
    'path',
    text(),
    'every principal has the settings of this page',
    'JSON file of named plans: other limits and rates for some keys and tokens; see [plans](../guides/plans.md).',
  ),

  DRAGOMAN_UPSTREAM_PROVIDER: optional(
    models,
    'choice',
    choice(...upstreamProviders),
    'no models',
    'Who answers `/v1/responses` and `/v1/chat/completions`: anything that speaks Chat Completions (`openai-compatible`: vLLM, Ollama, LiteLLM, OpenRouter …), OpenAI, Anthropic or Google; see [models](../guides/models.md).',
  ),
  DRAGOMAN_UPSTREAM_BASE_URL: optional(
    models,
    'URL',
    httpUrl(),
    "the provider's own",
    'Address of the provider, usually ending in `/v1`; must be set for `openai-compatible`.',
  ),
  DRAGOMAN_UPSTREAM_API_KEY: optional(models, 'text', text(), 'none', 'Key for the provider.'),
  DRAGOMAN_UPSTREAM_MODEL: optional(
    models,
    'text',
    text(),
    'the first one of `DRAGOMAN_UPSTREAMS`',
    'Model of requests that name none; `upstream/model` for one of `DRAGOMAN_UPSTREAMS`.',
  ),
  DRAGOMAN_UPSTREAM_VISION: setting(
    models,
    'true or false',
    flag(),
    'false',
    "The provider's models can see: they are shown the figures their code draws.",
  ),
  DRAGOMAN_UPSTREAMS: optional(
    models,
    'JSON or path',
    text(),
    'none',
    'Several providers by name, or the path of a file that has them; their models are called `name/model`; see [models](../guides/models.md).',
  ),
  DRAGOMAN_UPSTREAM_PASSTHROUGH: setting(
    models,
    'true or false',
    flag(),
    'false',
    "Callers may send a key of their own for the provider; it is used instead of the service's.",
  ),
  DRAGOMAN_UPSTREAM_FIRST_TOKEN_MS: setting(
    models,
    ms,
    whole(100, 300_000),
    '120000',
    "How long a model may take until its answer's first token.",
  ),
  DRAGOMAN_UPSTREAM_STALL_MS: setting(
    models,
    ms,
    whole(100, 300_000),
    '60000',
    'How long a model may be silent in the middle of an answer.',
  ),
  DRAGOMAN_UPSTREAM_TOTAL_MS: setting(models, ms, whole(1000, hour), '600000', 'How long one answer may take in all.'),
  DRAGOMAN_UPSTREAM_RETRIES: setting(
    models,
    number,
    whole(0, 10),
    '2',
    'How often a request to a provider is tried again when it failed before any of its answer came.',
  ),
  DRAGOMAN_AGENT_MAX_CALLS: setting(
    models,
    number,
    whole(1, 1000),
    '32',
    'Pieces of code that a model may run for one request; then it must answer.',
  ),
  DRAGOMAN_AGENT_SHOWN_CHARS: setting(
    models,
    number,
    whole(200, 10_000_000),
    '20000',
    "Characters of a run's output that a model is shown: its first and its last half. The client gets everything.",
  ),

  DRAGOMAN_DATA_DIR: optional(
    storage,
    'path',
    text(),
    '`/var/lib/dragoman` for root, else `$XDG_DATA_HOME/dragoman` or `~/.local/share/dragoman`',
    'Directory of everything the service keeps: files, database, image, the first API key.',
  ),
  DRAGOMAN_COMPILE_CACHE_BYTES: setting(
    storage,
    size,
    bytes(0, TiB),
    '1g',
    'Compiled programs kept, those longest unused removed first: a program sent again is not compiled again.',
  ),
  DRAGOMAN_STORED_BYTES: setting(
    storage,
    size,
    bytes(0, 1024 * TiB),
    '20g',
    'What the files of one key, or of one user of a token, may take together: uploads, files that programs made, files of sessions and containers.',
  ),
  DRAGOMAN_RECORD_BYTES: setting(
    storage,
    size,
    bytes(1024 * 1024, 1024 * TiB),
    '4g',
    'What the records of one key, or of one user of a token, may take together, whatever its plan: responses, conversations, assistants, sessions and what ran in them.',
  ),
  DRAGOMAN_RETENTION_HOURS: setting(
    storage,
    'hours',
    whole(1, 87_600),
    '24',
    'How long files are kept; LibreChat counts on 24 or more, since it uses a file again for 23 hours.',
  ),

  DRAGOMAN_LOG_LEVEL: setting(
    logging,
    'choice',
    choice('debug', 'info', 'warn', 'error', 'silent'),
    'info',
    'Least severe messages that are logged.',
  ),
  DRAGOMAN_LOG_FORMAT: optional(
    logging,
    'choice',
    choice('pretty', 'json'),
    '`pretty` on a terminal, else `json`',
    'Form of the log on standard output.',
  ),
});

/** Values as the schema reads them. */
export type Settings = z.output<typeof settings>;
export type SettingName = keyof Settings;
