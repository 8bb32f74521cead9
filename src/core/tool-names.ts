/** How a language wants its identifiers. */
export type ToolNaming = 'python' | 'bash';

const pythonKeywords = words(
  'False None True and as assert async await break class continue def del elif else except finally for from global if import in is',
  'lambda nonlocal not or pass raise return try while with yield',
);
const bashWords = words(
  'if then else elif fi case esac for while until do done in function select time coproc declare typeset local readonly export unset',
  'exit break continue shift alias unalias source echo printf read cd pwd kill trap wait eval exec jobs bg fg set let test true false',
);

/**
 * The name code calls a tool by; empty when the tool's name has nothing to make one of. LibreChat's rules, which its clients
 * apply as well and which must give the same names.
 */
export function toolIdentifier(name: string, naming: ToolNaming): string {
  const separators = naming === 'bash' ? /[-\s.]/g : /[-\s]/g;
  const letters = name.replace(separators, '_').replace(/[^A-Za-z0-9_]/g, '');
  const identifier = /^[0-9]/.test(letters) ? `_${letters}` : letters;
  if (naming === 'python') return pythonKeywords.has(identifier) ? `${identifier}_tool` : identifier;
  if (identifier === '') return 'tool';
  // Functions of the shell's own plumbing begin so.
  return bashWords.has(identifier) || /^_ptc_/i.test(identifier) ? `${identifier}_tool` : identifier;
}

function words(...lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.flatMap((line) => line.split(' ')));
}
