import { formats } from './formats.ts';
import { type GivenSettings, keyOf } from './given.ts';
import type { Setting, Surroundings } from './setting.ts';

/**
 * The settings in effect, as a configuration file in YAML: each with its text and its source. Secrets are left out, and so are
 * credentials in URLs; a default that would mean more once it is set is a comment.
 */
export function printSettings(settings: readonly Setting[], collected: GivenSettings, from: Surroundings): string {
  const { given, sources } = collected;
  const lines = [...Map.groupBy(settings, ({ section }) => section)].flatMap(([section, group]) => [
    '',
    `# ${section}`,
    ...group.map((setting) => line(setting)),
  ]);
  return `${lines.slice(1).join('\n')}\n`;

  function line({ name, secret, text, isOpen }: Setting): string {
    const key = keyOf(name);
    const source = sources.get(name) ?? 'default';
    const value = given[name] ?? text(from);
    if (value === undefined) return `# ${key} is not set`;
    if (secret) return `# ${key} is a secret and not shown (${source})`;
    const comment = isOpen && given[name] === undefined ? '# ' : '';
    return `${comment}${formats
      .yaml()
      .stringify({ [key]: typed(withoutCredentials(value)) }, { lineWidth: 0 })
      .trim()} # ${source}`;
  }
}

const withoutCredentials = (value: string) => value.replace(/(\/\/)[^/@\s]+@/g, '$1***@');

/** Numbers and truth values without quotes; as texts they mean the same. */
function typed(value: string): unknown {
  if (/^(0|[1-9]\d{0,14})$/.test(value)) return Number(value);
  return value === 'true' || value === 'false' ? value === 'true' : value;
}
