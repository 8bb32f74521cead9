/** Something that a program of the suite does. Real backends run it as a shell script, the scripted one interprets it. */
export type Deed =
  | { readonly do: 'print' | 'complain' | 'remove'; readonly text: string }
  | { readonly do: 'write'; readonly path: string; readonly text: string }
  | { readonly do: 'chmod'; readonly path: string; readonly mode: number }
  /** Makes a folder, with those it is in. */
  | { readonly do: 'folder'; readonly path: string }
  /** Prints so many bytes. */
  | { readonly do: 'pour'; readonly bytes: number }
  /** Prints the content of a file. */
  | { readonly do: 'show'; readonly path: string }
  /** Prints lines until it is stopped. */
  | { readonly do: 'chatter' }
  | { readonly do: 'wait' }
  | { readonly do: 'exit'; readonly code: number }
  | { readonly do: 'die'; readonly signal: 'TERM' };

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** The deeds as a command line; the scripted backend reads them from its last word. */
export function shellOf(deeds: readonly Deed[]): readonly string[] {
  return ['sh', '-c', deeds.map(lineOf).join('\n'), JSON.stringify(deeds)];
}

/** The deeds as a Python cell; the scripted backend reads them from its first line. */
export function cellOf(deeds: readonly Deed[]): string {
  return `# ${JSON.stringify(deeds)}\nimport subprocess\n_ = subprocess.run(${JSON.stringify(shellOf(deeds))}, check=True)`;
}

function lineOf(deed: Deed): string {
  switch (deed.do) {
    case 'print':
      return `printf %s ${quoted(deed.text)}`;
    case 'complain':
      return `printf %s ${quoted(deed.text)} >&2`;
    case 'pour':
      return `head -c ${deed.bytes} /dev/zero | tr '\\0' x`;
    case 'write':
      return `mkdir -p "$(dirname ${quoted(deed.path)})"\nprintf %s ${quoted(deed.text)} > ${quoted(deed.path)}`;
    case 'chmod':
      return `chmod ${deed.mode.toString(8)} ${quoted(deed.path)}`;
    case 'folder':
      return `mkdir -p ${quoted(deed.path)}`;
    case 'remove':
      return `rm ${quoted(deed.text)}`;
    case 'show':
      return `cat ${quoted(deed.path)}`;
    case 'chatter':
      return 'while :; do echo more; done';
    case 'wait':
      return 'sleep 1000';
    case 'exit':
      return `exit ${deed.code}`;
    case 'die':
      return `kill -${deed.signal} $$`;
  }
}
