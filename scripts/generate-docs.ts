/** Writes the generated pages of `docs/reference/`. `npm run docs` runs it; a test fails when a page is stale. */
import { writeFileSync } from 'node:fs';
import { settingNotes } from '../src/config/index.ts';
import { seccompPage, seccompPagePath } from './seccomp-page.ts';

export const configurationPagePath = new URL('../docs/reference/configuration.md', import.meta.url);

/** The configuration page, made from the notes of the one schema. */
export function configurationPage(): string {
  const settings = settingNotes();
  const sections = [...new Set(settings.map(({ note }) => note.section))].map((section) => {
    const rows = settings
      .filter(({ note }) => note.section === section)
      .map(({ name, note }) => `| \`${name}\` | ${note.type} | ${note.default} | ${note.help} |`);
    return [`## ${section}`, '', '| variable | type | default | meaning |', '| --- | --- | --- | --- |', ...rows].join(
      '\n',
    );
  });
  return `${introduction}\n\n${sections.join('\n\n')}\n`;
}

const introduction = `<!-- Generated from src/config/settings.ts by \`npm run docs\`. Do not edit. -->
# Configuration

Dragoman is configured by environment variables alone. They are read once, at the start. Every fault is reported at once and
nothing starts: a value that is out of bounds, a rule between two settings that is broken, a \`DRAGOMAN_\` variable that does
not exist. An empty variable counts as unset.

Sizes are bytes, or a number with a binary unit: \`512m\`, \`1g\` and \`1GiB\` are 2^29, 2^30 and 2^30 bytes.`;

if (import.meta.main) {
  writeFileSync(configurationPagePath, configurationPage());
  writeFileSync(seccompPagePath, seccompPage());
}
