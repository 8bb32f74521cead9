/** Lines of a file, as a model is shown them. */
export interface Lines {
  readonly text: string;
  /** Number of the first line that was left out; undefined: the file ends here. */
  readonly next: number | undefined;
}

/** What a model is shown of one file at once. */
const mostCharacters = 100_000;
const longestLine = 4_000;

/**
 * Reads lines `first` to `first + count - 1` of a text in UTF-8, from 1. Long lines are cut. Undefined: it is no text.
 */
export async function readLines(
  content: AsyncIterable<Uint8Array>,
  first: number,
  count: number,
): Promise<Lines | undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const taken: string[] = [];
  let characters = 0;
  let number = 1;
  let line = '';
  let length = 0;
  let isFull = false;
  const endLine = () => {
    if (number >= first) {
      if (taken.length >= count || characters > mostCharacters) isFull = true;
      else {
        const cut = length > line.length ? ` [… ${length - line.length} characters left out]` : '';
        taken.push(line + cut);
        characters += line.length;
      }
    }
    if (!isFull) number++;
    line = '';
    length = 0;
  };
  for await (const chunk of content) {
    if (chunk.includes(0)) return undefined;
    let text: string;
    try {
      text = decoder.decode(chunk, { stream: true });
    } catch {
      return undefined;
    }
    const parts = text.split('\n');
    for (const [index, part] of parts.entries()) {
      if (index > 0) endLine();
      if (isFull) return { text: taken.join('\n'), next: number };
      if (line.length < longestLine) line += part.slice(0, longestLine - line.length);
      length += part.length;
    }
  }
  try {
    decoder.decode();
  } catch {
    return undefined;
  }
  if (length > 0) endLine();
  return { text: taken.join('\n'), next: isFull ? number : undefined };
}
