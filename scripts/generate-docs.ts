/** Writes the generated pages of `docs/reference/` and the types of the client. `npm run docs` runs it; a test fails when one is stale. */
import { writeFileSync } from 'node:fs';
import { allSettings } from '../src/config/index.ts';
import { clientTypes, clientTypesPath } from './client-types.ts';
import { seccompPage, seccompPagePath } from './seccomp-page.ts';

export const configurationPagePath = new URL('../docs/reference/configuration.md', import.meta.url);

/** The configuration page, made from the definitions of the settings. */
export function configurationPage(): string {
  const sections = [...Map.groupBy(allSettings, ({ section }) => section)].map(([section, settings]) => {
    const rows = settings.map(({ name, type, fallback, help }) => `| \`${name}\` | ${type} | ${fallback} | ${help} |`);
    return [`## ${section}`, '', '| variable | type | default | meaning |', '| --- | --- | --- | --- |', ...rows].join(
      '\n',
    );
  });
  return `${introduction}\n\n${sections.join('\n\n')}\n`;
}

const secrets = allSettings
  .filter(({ secret }) => secret)
  .map(({ name }) => `\`${name}\``)
  .join(', ');

const introduction = `<!-- Generated from src/config/groups/ by \`npm run docs\`. Do not edit. -->
# Configuration

Settings are read once, at the start. When anything is wrong (a value out of bounds, a broken rule between two settings, a setting
that does not exist), every fault is reported and nothing starts. Settings come from three places, the first of which has precedence:

1. **Environment variables**, named below. An empty variable counts as unset.
2. **A file** that \`DRAGOMAN_CONFIG\` names, in YAML, TOML or JSON by its ending. Names have no prefix and are in lower case. Lists
   may be lists; \`plans\` and \`upstreams\` may be maps.

   \`\`\`yaml
   host: 0.0.0.0
   memory_bytes: 2g
   api_keys_file: /run/secrets/api-keys
   plans:
     plans: { trial: { cpus: 0.5, run_timeout_ms: 10000 } }
   \`\`\`
3. The default.

**Secrets** (${secrets}) may be the content of a file: add \`_FILE\` to the name and give
a path.

\`node scripts/dragoman.mjs serve --print-config\` prints every setting with its value and its source, as such a file, and leaves out
secrets. In a pod of Kubernetes, the variables of service links (\`DRAGOMAN_PORT=tcp://…\`) are ignored.

Sizes are bytes, or a number with a binary unit: \`512m\`, \`1g\` and \`1GiB\` are 2^29, 2^30 and 2^30 bytes.`;

if (import.meta.main) {
  writeFileSync(configurationPagePath, configurationPage());
  writeFileSync(seccompPagePath, seccompPage());
  writeFileSync(clientTypesPath, await clientTypes());
}
