import { createRequire } from 'node:module';
import type * as Toml from 'smol-toml';
import type * as Yaml from 'yaml';

const require = createRequire(import.meta.url);

/** Libraries of configuration files, loaded when there is one: they take 5 MiB, and most services have none. */
export const formats = {
  yaml: () => require('yaml') as typeof Yaml,
  toml: () => require('smol-toml') as typeof Toml,
};
