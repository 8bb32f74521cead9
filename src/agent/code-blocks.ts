/** A line that opens or closes a fenced block. */
const fenceLine = /^[ \t]*```[ \t]*([\w.+-]*)[ \t]*$/;
const pythonNames = new Set(['', 'python', 'python3', 'py', 'ipython', 'tool_code']);
/** A name that can stand after an opening fence, with a version. */
const isPython = (name: string) => pythonNames.has(name.toLowerCase().replace(/3?\.\d+$/, ''));

/**
 * The code of a Markdown text that a model sent in place of code: its Python blocks, one after another, without the prose around
 * them. Undefined for anything that can be Python as it is: a program may hold fences in its strings.
 */
export function codeBlocks(text: string): string | undefined {
  if (!text.includes('```')) return undefined;
  const blocks: { name: string; lines: string[] }[] = [];
  const prose: string[] = [];
  let open: { name: string; lines: string[] } | undefined;
  for (const line of text.split(/\r?\n/)) {
    const name = fenceLine.exec(line)?.[1];
    if (open) {
      if (name === '') open = undefined;
      else open.lines.push(line);
    } else if (name !== undefined) {
      open = { name, lines: [] };
      blocks.push(open);
    } else prose.push(line);
  }
  const isMarkdown = open === undefined && blocks.length > 0 && prose.every(isProse);
  const python = blocks.filter((block) => isPython(block.name));
  if (!isMarkdown || python.length === 0) return undefined;
  // A single block without prose is read while it is written.
  if (blocks.length === 1 && prose.every((line) => line.trim() === '')) return undefined;
  return python.map(({ lines }) => lines.join('\n')).join('\n');
}

/** A line that is not part of a program: no quotes of a long string, no assignment, call or statement. */
function isProse(line: string): boolean {
  const text = line.trim();
  if (text === '') return true;
  if (/"""|'''|[=\\({[]$|^(?:import|from|def|class|for|while|if|with|try|return|print|@)\b.*[:)]?$/.test(text))
    return /^[A-Z].*[.:!?]$/.test(text);
  return !/^[\w.[\]'"]+\s*(?:[-+*/]?=|\()/.test(text);
}
