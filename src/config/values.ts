import { resolve } from 'node:path';
import { z } from 'zod';
import { isLoopbackHost, type RateClass, type RateLimits } from '../core/index.ts';
import { parseFilesPlace } from './bucket.ts';
import { parseNatsUrl } from './nats-url.ts';

/**
 * The kinds of value that a setting can have. Each reads the text of an environment variable, and its description is the type
 * that the reference page shows.
 */

export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;
export const TiB = 1024 * GiB;
export const hour = 3_600_000;
export const day = 24 * hour;

const byteUnits: Record<string, number> = { '': 1, k: KiB, m: MiB, g: GiB, t: TiB };
const timeUnits: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: hour };

/** Any non-empty text. */
export const text = (type = 'text') => z.string().trim().min(1, 'must not be empty').describe(type);

/** A path; it becomes absolute. */
export const path = () =>
  text()
    .transform((value) => resolve(value))
    .describe('path');

/** The name of an image, or the path of a root directory, which becomes absolute. */
export const imageName = () =>
  text()
    .transform((value) => (value.includes('/') ? resolve(value) : value))
    .describe('name or path');

/** One of the given words. */
export const choice = <const T extends readonly string[]>(...words: T) =>
  z.enum(words, { error: `must be one of ${words.join(', ')}` }).describe('choice');

/** Some of the given words, separated by commas. */
export const choices = <const T extends readonly string[]>(...words: T) =>
  z
    .string()
    .transform(splitList)
    .pipe(z.array(z.enum(words, { error: `must hold ${words.join(', ')}, and nothing else` })))
    .describe('list');

/** A time in milliseconds. */
export const milliseconds = (min: number, max: number) => whole(min, max).describe('milliseconds');

/** A time in hours; it becomes milliseconds. */
export const hours = (min: number, max: number) =>
  whole(min, max)
    .transform((value) => value * hour)
    .describe('hours');

/** A whole number between two bounds, both included. */
export function whole(min: number, max: number) {
  const rule = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,16}$/, { error: rule, abort: true })
    .transform(Number)
    .refine((value) => value >= min && value <= max, rule)
    .describe('number');
}

/** A number that may have a fraction, above zero. */
export function fraction(max: number) {
  const rule = `must be a number above 0, at most ${max}`;
  return z
    .string()
    .regex(/^\d{1,6}(\.\d{1,6})?$/, { error: rule, abort: true })
    .transform(Number)
    .refine((value) => value > 0 && value <= max, rule)
    .describe('number');
}

/** A size: bytes, or a number with a binary unit (`512m`, `1g`, `1GiB`). */
export function bytes(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,15}(\.\d{1,3})?\s*([kmgt](i?b)?)?$/i, {
      error: 'must be a size such as 1048576, 512m, 1g or 1GiB',
      abort: true,
    })
    .transform((value) =>
      Math.floor(Number.parseFloat(value) * byteUnits[/[kmgt]/i.exec(value)?.[0].toLowerCase() ?? '']!),
    )
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max} bytes`)
    .describe('size');
}

/** Yes or no. */
export const flag = () =>
  z
    .enum(['true', 'false', '1', '0', 'yes', 'no'], { error: 'must be true or false' })
    .transform((value) => value === 'true' || value === '1' || value === 'yes')
    .describe('true or false');

/** The kinds of model provider. */
export const upstreamProviders = ['openai-compatible', 'openai', 'anthropic', 'google'] as const;

/** An http or https address, without its last slash. A fault never repeats the text: addresses may hold credentials. */
export const httpUrl = () =>
  z
    .string()
    .refine((value) => ['http:', 'https:'].includes(URL.parse(value)?.protocol ?? ''), 'must be an http or https URL')
    .transform((value) => value.replace(/\/+$/, ''))
    .describe('URL');

/** A key in the form of Standard Webhooks. A fault never repeats it. */
export const webhookSecret = () =>
  z
    .string()
    .refine((value) => {
      const [, text] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(value) ?? [];
      const { length } = Buffer.from(text ?? '', 'base64');
      return length >= 24 && length <= 64;
    }, 'must be whsec_ and 24 to 64 bytes in base64')
    .describe('secret');

/** A host name, with a port where it is not the usual one. */
export const hostAndPort = () =>
  z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9.-]{0,180}[a-z0-9])?(?::\d{1,5})?$/i, 'must be a host name, with or without a port')
    .transform((value) => value.toLowerCase())
    .describe('host name');

/** A host and a port to listen at. */
export const listenAddress = () =>
  z
    .string()
    .transform((value) => /^(\[[0-9a-f:.]+\]|[a-z0-9.-]{1,253}):(\d{1,5})$/i.exec(value))
    .refine((match) => match !== null && Number(match[2]) <= 65_535, 'must be a host and a port, as 127.0.0.1:9464')
    .transform((match) => ({ host: match![1]!.replace(/^\[|\]$/g, ''), port: Number(match![2]) }))
    .describe('host:port');

/** Checks the address of a PostgreSQL database. @throws Error that does not repeat the text: it may hold a password */
export function parsePostgresUrl(text: string): string {
  const url = URL.parse(text);
  if (!['postgres:', 'postgresql:'].includes(url?.protocol ?? '') || url?.hostname === '')
    throw new Error('must look like postgres://user:password@host:port/database');
  return text;
}

/** The address of a PostgreSQL database. */
export const postgresUrl = () => parsed(parsePostgresUrl).describe('URL');

/** A bucket of an S3 server, or a files role. */
export const filesPlace = () => parsed(parseFilesPlace).describe('URL');

/** A secret that processes share. */
export const sharedSecret = () => text().min(32, 'must have at least 32 characters').describe('text');

/** Servers of one NATS cluster, as URLs. */
export const natsUrl = () => parsed(parseNatsUrl).describe('URLs');

/** The name of a worker, which is a token of NATS subjects. */
export const seatName = () =>
  text()
    .regex(/^[A-Za-z0-9_-]{1,40}$/, 'must be 1 to 40 letters, digits, "-" or "_"')
    .describe('name');

/** What a parser makes of a text; the message of its error becomes the fault. */
function parsed<T>(parse: (text: string) => T) {
  return text().transform((value, context): T => {
    try {
      return parse(value);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });
}

/** Where the keys that verify tokens come from. Plain http is refused outside loopback: others could change the keys. */
export const keyLocation = () =>
  text()
    .transform((value, context): { url: URL } | { path: string } => {
      if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(value)) return { path: resolve(value) };
      const url = URL.parse(value);
      if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname))) return { url };
      const message = 'must be a path or a URL with https (http only on a loopback host)';
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .describe('path or URL');

/** An API key of the configuration. Several secrets under one name are one principal, so that keys can be renewed. */
export interface ConfiguredKey {
  readonly name: string | undefined;
  readonly secret: string;
}

/** `name:secret` or `secret`, separated by commas. A fault never repeats the text: it is a secret. */
export const apiKeys = () =>
  z
    .string()
    .transform((value, context) => {
      const keys: ConfiguredKey[] = [];
      for (const [index, item] of splitList(value).entries()) {
        const [, name, secret] = /^(?:([^:]*):)?(.*)$/s.exec(item)!;
        const fault =
          keyFault(name, secret!) ?? (keys.some((key) => key.secret === secret) && 'repeats an earlier secret');
        if (fault) context.addIssue({ code: 'custom', message: `entry ${index + 1} ${fault}` });
        else keys.push({ name, secret: secret! });
      }
      if (value.replaceAll(',', '').trim() === '') context.addIssue({ code: 'custom', message: 'must hold a key' });
      return keys;
    })
    .describe('list');

/** Names of API keys, separated by commas. */
export const keyNames = () => z.string().transform(splitList).describe('list');

function keyFault(name: string | undefined, secret: string): string | undefined {
  if (name !== undefined && !/^[A-Za-z0-9._-]{1,64}$/.test(name))
    return 'must be "name:secret" or "secret", the name of 1 to 64 letters, digits, ".", "_" or "-"';
  return /^[\x21-\x7e]+$/.test(secret) ? undefined : 'must have a secret of printable ASCII characters without spaces';
}

/** Headers of HTTP as `name=value`, separated by commas. A fault repeats none: they may hold credentials. */
export const headers = () =>
  z
    .string()
    .transform((value, context) =>
      Object.fromEntries(
        splitList(value).map((item) => {
          const [, name, text] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([\x20-\x7e]+)$/.exec(item) ?? [];
          if (name !== undefined && text !== undefined) return [name.toLowerCase(), text] as const;
          context.addIssue({ code: 'custom', message: 'must hold headers such as authorization=secret' });
          return z.NEVER;
        }),
      ),
    )
    .describe('list');

/** Origins of web pages, separated by commas. */
export const origins = () =>
  z
    .string()
    .transform((value, context) =>
      splitList(value).map((item) => {
        const url = URL.parse(item);
        if (url && ['http:', 'https:'].includes(url.protocol) && url.origin === item.replace(/\/$/, ''))
          return url.origin;
        context.addIssue({ code: 'custom', message: 'must hold origins such as https://chat.example.org' });
        return z.NEVER;
      }),
    )
    .describe('list');

const algorithmNames = ['EdDSA', 'RS256', 'HS256'] as const;

/** Signature algorithms, separated by commas. */
export const algorithms = () =>
  z
    .string()
    .transform(splitList)
    .pipe(
      z.array(z.enum(algorithmNames, { error: `must list ${algorithmNames.join(', ')}` })).min(1, 'must not be empty'),
    )
    .describe('list');

/** `class=count/period` or `class=off`, separated by commas; classes left out keep their `defaults`. `off` removes all limits. */
export const rateLimits = (defaults: RateLimits) =>
  z
    .string()
    .transform((value, context): RateLimits => {
      if (value === 'off') return { exec: null, upload: null, download: null, list: null };
      const limits: Record<RateClass, RateLimits[RateClass]> = { ...defaults };
      for (const item of splitList(value)) {
        const match = /^(exec|upload|download|list)=(?:(off)|([1-9]\d{0,8})\/([1-9]\d{0,5})(ms|s|m|h))$/.exec(item);
        if (!match) {
          const form = `class=count/period with one of ${Object.keys(defaults).join(', ')} as class, such as exec=600/30s`;
          context.addIssue({ code: 'custom', message: `must be "off" or a list of ${form}` });
          return z.NEVER;
        }
        const [, name, off, count, period, unit] = match;
        limits[name as RateClass] = off ? null : { count: Number(count), periodMs: Number(period) * timeUnits[unit!]! };
      }
      return limits;
    })
    .describe('list');

function splitList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
