/** Longest sequence that is waited for. */
const maxSequence = 64;

/**
 * Lets text of a sandbox through to a terminal. Colours, cursor movements and erasing stay, as progress bars need them; what sets the
 * title or the clipboard, asks the terminal to answer, or changes its mode is left out. Sequences may be cut between two pieces.
 */
export class SafeText {
  #held = '';

  take(piece: string): string {
    const text = this.#held + piece;
    this.#held = '';
    let safe = '';
    for (let at = 0; at < text.length; ) {
      const code = text.charCodeAt(at);
      if (code === 0x1b) {
        const sequence = sequenceAt(text, at);
        if (sequence === undefined && text.length - at < maxSequence) {
          this.#held = text.slice(at);
          break;
        }
        if (sequence && isHarmless(sequence)) safe += sequence;
        at += sequence?.length ?? 1;
        continue;
      }
      // Of the other controls only those of lines; 0x80 to 0x9f are sequences in one character.
      if ((code >= 0x20 && code !== 0x7f && !(code >= 0x80 && code <= 0x9f)) || '\t\n\r\b'.includes(text[at]!))
        safe += text[at];
      at++;
    }
    return safe;
  }
}

/** Undefined when the end of it is not there yet. */
function sequenceAt(text: string, at: number): string | undefined {
  const next = text[at + 1];
  if (next === undefined) return undefined;
  if (next === '[') {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    const found = /^\x1b\[[0-?]*[ -/]*[@-~]/.exec(text.slice(at, at + maxSequence))?.[0];
    // What cannot become a sequence any more is taken as its first two characters.
    return found ?? (/^[0-?]*[ -/]*$/.test(text.slice(at + 2, at + maxSequence)) ? undefined : text.slice(at, at + 2));
  }
  // Strings of the terminal (title, clipboard, images) end with BEL or ESC \.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (']PX^_'.includes(next)) return /^\x1b.[^\x07\x1b]*(?:\x07|\x1b\\)/.exec(text.slice(at))?.[0];
  return text.slice(at, at + 2);
}

/** Colours (m), cursor (A to H, f, d), erasing (J, K), and lines and characters in and out (L, M, P, X, @). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const isHarmless = (sequence: string) => /^\x1b\[[0-9;:]*[mA-HJKLMPXfd@]$/.test(sequence);
