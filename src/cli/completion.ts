import { Argument, type Command } from 'commander';

/** A command as shells complete it. */
interface Completed {
  /** With its parents: `files get`; empty for the program itself. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly help: string }[];
}

/** Adds `completion bash|zsh|fish`: prints a script that completes the commands and options of this program. */
export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
bash:  dragoman completion bash > ~/.local/share/bash-completion/completions/dragoman
zsh:   dragoman completion zsh > "\${fpath[1]}/_dragoman"
fish:  dragoman completion fish > ~/.config/fish/completions/dragoman.fish`,
    )
    .action((shell: keyof typeof scripts) => {
      process.stdout.write(scripts[shell](completedOf(program)));
    });
}

function completedOf(command: Command, path = ''): Completed[] {
  const shown = command.commands.filter((child) => child.name() !== 'help');
  const words = [
    ...shown.map((child) => ({ word: child.name(), help: child.description() })),
    ...command.options.map(({ long, short, description }) => ({ word: long ?? short!, help: description })),
    { word: '--help', help: 'show help' },
  ];
  return [
    { path, words },
    ...shown.flatMap((child) => completedOf(child, path === '' ? child.name() : `${path} ${child.name()}`)),
  ];
}

const scripts = { bash, zsh, fish };

/** Finds the command on the line, then offers its words; files where none begins so. */
function bash(all: readonly Completed[]): string {
  const cases = all.map(({ path, words }) => `    '${path}') words='${words.map(({ word }) => word).join(' ')}' ;;`);
  const paths = all.map(({ path }) => `'${path}'`).join('|');
  return `# Completion of dragoman for bash. Made by "dragoman completion bash".
_dragoman() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' next word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    next="\${path:+$path }$word"
    case "$next" in
      ${paths}) path="$next" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=()
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$words" -- "$current")
}
complete -o default -F _dragoman dragoman
`;
}

function zsh(all: readonly Completed[]): string {
  const cases = all.map(({ path, words }) => {
    const items = words.map(({ word, help }) => quoted(`${word.replaceAll(':', '\\:')}:${help}`)).join(' ');
    return `    ${quoted(path)}) words_of=(${items}) ;;`;
  });
  const paths = all.map(({ path }) => quoted(path)).join('|');
  return `#compdef dragoman
# Completion of dragoman for zsh. Made by "dragoman completion zsh".
_dragoman() {
  local command_path='' next word
  local -a words_of
  for word in "\${(@)words[2,CURRENT-1]}"; do
    next="\${command_path:+$command_path }$word"
    case "$next" in
      ${paths}) command_path="$next" ;;
    esac
  done
  case "$command_path" in
${cases.join('\n')}
  esac
  _describe -t commands 'dragoman' words_of
  _files
}
if [ "$funcstack[1]" = '_dragoman' ]; then _dragoman "$@"; else compdef _dragoman dragoman; fi
`;
}

function fish(all: readonly Completed[]): string {
  const lines = all.flatMap(({ path, words }) =>
    words.map(({ word, help }) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
      return `complete -c dragoman -n ${quoted(`__dragoman_at ${quotedFish(path)}`)} ${what} -d ${quotedFish(help)}`;
    }),
  );
  const paths = all.map(({ path }) => quotedFish(path)).join(' ');
  return `# Completion of dragoman for fish. Made by "dragoman completion fish".
function __dragoman_at
  set -l path ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim -- "$path $word")
    contains -- "$next" ${paths}; and set path "$next"
  end
  test "$path" = "$argv[1]"
end
${lines.join('\n')}
`;
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
/** Inside quotes of fish a backslash stands for the next character. */
const quotedFish = (text: string) => `"${text.replace(/["\\$]/g, '\\$&')}"`;
