/** Writes the generated pages of `docs/reference/`. `npm run docs` runs it; a test fails when a page is stale. */
import { writeFileSync } from 'node:fs';
import { allSettings } from '../src/config/index.ts';
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

const introduction = `<!-- Generated from src/config/groups/ by \`npm run docs\`. Do not edit. -->
# Configuration

Dragoman is configured by environment variables. They are read once, at the start. When anything is wrong (a value out of bounds, a
broken rule between two settings, a \`DRAGOMAN_\` variable that does not exist), every fault is reported and nothing starts. An
empty variable counts as unset.

Sizes are bytes, or a number with a binary unit: \`512m\`, \`1g\` and \`1GiB\` are 2^29, 2^30 and 2^30 bytes.`;

if (import.meta.main) {
  writeFileSync(configurationPagePath, configurationPage());
  writeFileSync(seccompPagePath, seccompPage());
}
