/** What an `os-release` file tells of a distribution. */
export interface OsRelease {
  id: string;
  /** The distributions it descends from, nearest first. */
  idLike: string[];
  /** For example `bookworm`; empty where there is none. */
  codename: string;
  prettyName: string;
}

/** Reads the text of `/etc/os-release`: shell assignments, quoted or not. Unknown keys are ignored. */
export function parseOsRelease(text: string): OsRelease {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Z][A-Z0-9_]*)=(?:"([^"]*)"|'([^']*)'|(.*))$/.exec(line.trim());
    if (match?.[1]) values.set(match[1], (match[2] ?? match[3] ?? match[4] ?? '').replace(/\\(.)/g, '$1'));
  }
  const id = values.get('ID') ?? 'linux';
  return {
    id,
    idLike: (values.get('ID_LIKE') ?? '').split(/\s+/).filter(Boolean),
    codename: values.get('VERSION_CODENAME') ?? '',
    prettyName: values.get('PRETTY_NAME') ?? values.get('NAME') ?? id,
  };
}

/** Whether packages come from apt: Debian, Ubuntu and what descends from them. */
export function usesApt(release: OsRelease): boolean {
  return [release.id, ...release.idLike].some((name) => name === 'debian' || name === 'ubuntu');
}
