import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Dragoman } from '#client';
import { isLoopbackHost, isSuperuser, usualDataDir } from '../../core/index.ts';
import { CommandError } from './command-error.ts';
import { type Environment, openProfile, profilesPath } from './profiles.ts';

/** Which service a command talks to, from its options. */
export interface ServiceOptions {
  readonly url?: string | undefined;
  readonly profile?: string | undefined;
}

/** Where a service is, and the key for it. */
export interface Service {
  readonly url: string;
  readonly apiKey: string | undefined;
  /** What named the service, and what named the key; for messages. */
  readonly urlFrom: string;
  readonly keyFrom: string | undefined;
}

/** Where `dragoman serve` with the same environment listens. */
const usualUrl = ({ DRAGOMAN_PORT: port }: Environment) =>
  `http://127.0.0.1:${/^[1-9]\d{0,4}$/.test(port ?? '') ? port : 8080}`;

/**
 * Finds the service: the option `--url`, the option `--profile`, `DRAGOMAN_URL`, `DRAGOMAN_PROFILE`, the default profile, then this machine. The key comes
 * from `DRAGOMAN_API_KEY`, from the same profile, or, for a service on this machine, from its data directory. A key of a profile or of
 * this machine is never sent to an address that something else named.
 * @throws CommandError for a profile that does not exist or that others may read
 */
export async function findService(options: ServiceOptions, env: Environment): Promise<Service> {
  const given = env.DRAGOMAN_API_KEY || undefined;
  const named = (url: string, urlFrom: string): Service => {
    const key = given ?? (isLoopbackHost(URL.parse(url)?.hostname ?? '') ? localKey(env) : undefined);
    return {
      url,
      urlFrom,
      apiKey: key,
      keyFrom: given ? 'DRAGOMAN_API_KEY' : key && 'the data directory of this machine',
    };
  };
  if (options.url) return named(options.url, '--url');
  const profileName = options.profile ?? (env.DRAGOMAN_URL ? undefined : env.DRAGOMAN_PROFILE || undefined);
  if (!options.profile && env.DRAGOMAN_URL) return named(env.DRAGOMAN_URL, 'DRAGOMAN_URL');
  const profile = await openProfile(profilesPath(env), profileName);
  if (profile) {
    const { name, url, apiKey } = profile;
    const from = `the profile ${name}`;
    if (options.profile === undefined && given)
      return { url, urlFrom: from, apiKey: given, keyFrom: 'DRAGOMAN_API_KEY' };
    return { url, urlFrom: from, apiKey, keyFrom: apiKey && from };
  }
  return named(usualUrl(env), 'the usual address');
}

/** @throws CommandError also for an address that is none */
export function connect({ url, urlFrom, apiKey }: Service): Dragoman {
  try {
    return new Dragoman({ url, apiKey });
  } catch {
    throw new CommandError(`${url} (${urlFrom}) is no address of a service. It looks like http://127.0.0.1:8080`);
  }
}

/** The key that the first start made, where this user may read it. */
function localKey(env: Environment): string | undefined {
  const directory = env.DRAGOMAN_DATA_DIR || usualDataDir({ env, isRoot: isSuperuser(), home: homedir() });
  try {
    return readFileSync(join(directory, 'api-key'), 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
