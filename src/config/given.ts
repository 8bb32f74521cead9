import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { nearest } from '../core/index.ts';
import { formats } from './formats.ts';
import { withoutServiceLinks } from './service-links.ts';
import type { Given, Setting } from './setting.ts';

/** The settings that were given, as texts. */
export interface GivenSettings {
  readonly given: Given;
  /** The source of each, by name: `environment`, or the path of a file. */
  readonly sources: ReadonlyMap<string, string>;
  /** Everything wrong with the names and the files, one sentence a fault. Holds no secret. */
  readonly faults: readonly string[];
  /** How the settings were read, where an operator should know it. */
  readonly notes: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;
type Named = Readonly<Record<string, string>>;

const prefix = 'DRAGOMAN_';
const configFile = `${prefix}CONFIG`;

/** Variables of the commands that talk to a service. They are no settings, and a service on the same machine passes over them. */
export const clientVariables: readonly string[] = ['DRAGOMAN_URL', 'DRAGOMAN_API_KEY', 'DRAGOMAN_PROFILE'];

/** Name of a setting in the configuration file: `port` for `DRAGOMAN_PORT`. */
export const keyOf = (name: string) => name.slice(prefix.length).toLowerCase();

/**
 * Collects the settings from the environment and from the file that `DRAGOMAN_CONFIG` names; the environment has precedence. A
 * secret may also be the content of a file: `DRAGOMAN_API_KEYS_FILE` names the file of `DRAGOMAN_API_KEYS`. An empty variable
 * counts as unset.
 */
export function collectSettings(env: Environment, settings: readonly Setting[]): GivenSettings {
  const set = Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const ours = Object.fromEntries(set.filter(([name]) => name.startsWith(prefix) && !clientVariables.includes(name)));
  const { kept, ignored } = withoutServiceLinks(ours, 'KUBERNETES_SERVICE_HOST' in env);
  const { [configFile]: path, ...fromEnvironment } = kept;
  const file = path === undefined ? { named: {}, faults: [] } : readConfigFile(path);
  const layers = [
    { source: path ?? '', ...resolve(file.named, settings, (name) => `${keyOf(name)} in ${path}`) },
    { source: 'environment', ...resolve(fromEnvironment, settings, (name) => name) },
  ];
  const sources = layers.flatMap(({ source, given }) => Object.keys(given).map((name) => [name, source] as const));
  return {
    given: Object.assign({}, ...layers.map(({ given }) => given)),
    sources: new Map(sources),
    faults: [...file.faults, ...layers.flatMap(({ faults }) => faults)],
    notes: ignored.length === 0 ? [] : [`Ignored the variables of Kubernetes' service links: ${ignored.join(', ')}`],
  };
}

/** Checks names, and replaces `…_FILE` by the content of the file. `called` is what the user calls a setting. */
function resolve(named: Named, settings: readonly Setting[], called: (name: string) => string) {
  const given: Record<string, string> = {};
  const faults: string[] = [];
  const files = new Map(settings.filter(({ secret }) => secret).map(({ name }) => [`${name}_FILE`, name]));
  const known = new Set(settings.map(({ name }) => name));
  for (const [name, value] of Object.entries(named)) {
    const secret = files.get(name);
    if (known.has(name)) given[name] = value;
    else if (secret === undefined)
      faults.push(`${called(name)} is not a setting; did you mean ${suggestion(name, [...known, ...files.keys()])}?`);
    else if (named[secret] !== undefined) faults.push(`${called(name)} and ${called(secret)} are both set; use one`);
    else {
      const text = readText(value);
      if ('fault' in text) faults.push(`${called(name)} names ${value}, which ${text.fault}`);
      else if (text.text.trim() !== '') given[secret] = text.text.trim();
    }
  }
  return { given, faults };

  function suggestion(name: string, names: readonly string[]): string {
    const best = nearest(name, names)!;
    return called(best) === best ? best : keyOf(best);
  }
}

function readConfigFile(path: string): { named: Named; faults: readonly string[] } {
  const failed = (fault: string) => ({ named: {}, faults: [`${configFile} names ${path}, which ${fault}`] });
  const parseYaml = (text: string) => formats.yaml().parse(text);
  const parsers: Record<string, (text: string) => unknown> = {
    '.yaml': parseYaml,
    '.yml': parseYaml,
    '.json': parseYaml,
    '.toml': (text) => formats.toml().parse(text),
  };
  const parse = parsers[extname(path)];
  if (!parse) return failed('must end in .yaml, .yml, .json or .toml');
  const text = readText(path);
  if ('fault' in text) return failed(text.fault);
  let content: unknown;
  try {
    content = parse(text.text) ?? {};
  } catch (error) {
    // The message of the parser quotes lines of the file, which may hold secrets.
    const { line } = error as { line?: number };
    const at = line ?? (error as { linePos?: [{ line: number }] }).linePos?.[0].line;
    return failed(`is not valid ${extname(path).slice(1).toUpperCase()}${at === undefined ? '' : ` (line ${at})`}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    return failed('must hold settings by name');
  const named: Record<string, string> = {};
  const faults: string[] = [];
  for (const [key, value] of Object.entries(content)) {
    const text = asText(value);
    if (text === undefined) faults.push(`${key} in ${path} must be a text, a number, true, false, a list or a map`);
    else if (text !== '') named[`${prefix}${key.toUpperCase()}`] = text;
  }
  return { named, faults };
}

/** A value of the configuration file in the form of an environment variable. */
function asText(value: unknown): string | undefined {
  if (value === null) return '';
  if (['string', 'number', 'boolean', 'bigint'].includes(typeof value)) return String(value);
  if (Array.isArray(value) && value.every((item) => typeof item === 'string' || typeof item === 'number'))
    return value.join(',');
  return typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : undefined;
}

function readText(path: string): { text: string } | { fault: string } {
  try {
    return { text: readFileSync(path, 'utf8') };
  } catch (error) {
    return { fault: `cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
}
