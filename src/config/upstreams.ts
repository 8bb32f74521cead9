import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { SettingValues } from './groups.ts';
import { httpUrl, upstreamProviders } from './values.ts';

/** One model provider. */
export interface UpstreamConfig {
  /** Prefix of its models' ids; empty for the provider that the `DRAGOMAN_UPSTREAM_…` settings describe. */
  readonly name: string;
  readonly provider: (typeof upstreamProviders)[number];
  /** Always set for `openai-compatible`; the others have a default. */
  readonly baseUrl: string | undefined;
  readonly apiKey: string | undefined;
  /** The models it serves; undefined: all models of the provider. */
  readonly models: readonly string[] | undefined;
  /** Its models by other names. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Which models accept images: all, none, or these. */
  readonly vision: boolean | readonly string[];
  /** False for a provider that cannot stream. */
  readonly stream: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

const text = z.string().trim().min(1);
const upstreamSchema = z
  .strictObject({
    provider: z.enum(upstreamProviders),
    base_url: httpUrl().optional(),
    api_key: text.optional(),
    api_key_env: text.optional(),
    models: z.array(text).min(1).optional(),
    aliases: z.record(text, text).default({}),
    vision: z.union([z.boolean(), z.array(text)]).default(false),
    stream: z.boolean().default(true),
    headers: z.record(z.string().regex(/^[\w-]+$/), z.string().regex(/^[\x20-\x7e]*$/)).default({}),
  })
  .refine((upstream) => upstream.base_url !== undefined || upstream.provider !== 'openai-compatible', {
    path: ['base_url'],
    error: 'must be set for openai-compatible',
  });
const fileSchema = z.record(z.string().regex(/^[A-Za-z0-9._-]{1,64}$/), upstreamSchema);

const variable = 'DRAGOMAN_UPSTREAMS';

/**
 * Reads the model providers: the one that settings describe, then those of `DRAGOMAN_UPSTREAMS`.
 * @param env the variables that `api_key_env` names
 * @returns the providers, and every fault as a sentence; no fault repeats a value, because keys are among them
 */
export function readUpstreams(
  settings: SettingValues['providers'],
  env: Readonly<Record<string, string | undefined>>,
): { upstreams: UpstreamConfig[]; faults: string[] } {
  const simple = simpleUpstream(settings);
  const several = settings.several === undefined ? undefined : parse(settings.several);
  if (several && 'fault' in several) return { upstreams: simple, faults: [several.fault] };
  const faults: string[] = [];
  const upstreams = Object.entries(several?.upstreams ?? {}).map(([name, upstream]): UpstreamConfig => {
    const { provider, base_url, api_key, api_key_env, models, aliases, vision, stream, headers } = upstream;
    if (api_key_env !== undefined && !env[api_key_env])
      faults.push(`${variable} ${name}: api_key_env names a variable that is not set`);
    const apiKey = api_key ?? (api_key_env === undefined ? undefined : env[api_key_env]);
    return { name, provider, baseUrl: base_url, apiKey, models, aliases, vision, stream, headers };
  });
  return { upstreams: [...simple, ...upstreams], faults };
}

function simpleUpstream({ provider, baseUrl, apiKey, vision }: SettingValues['providers']): UpstreamConfig[] {
  if (provider === undefined) return [];
  return [{ name: '', provider, baseUrl, apiKey, models: undefined, aliases: {}, vision, stream: true, headers: {} }];
}

function parse(value: string): { upstreams: z.output<typeof fileSchema> } | { fault: string } {
  let json: unknown;
  try {
    json = JSON.parse(value.startsWith('{') ? value : readFileSync(resolve(value), 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return { fault: `${variable} is not valid JSON` };
    return { fault: `${variable} cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
  const parsed = fileSchema.safeParse(json);
  if (parsed.success) return { upstreams: parsed.data };
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  return { fault: `${variable} ${faults.join('; ')}` };
}
