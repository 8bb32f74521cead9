import { highlightCode, tagHighlighter, tags } from '@lezer/highlight';
import { grammarOf } from './grammars.ts';

interface Piece {
  readonly text: string;
  readonly style: string;
}

export type Highlight = (source: string, language: string) => readonly Piece[] | undefined;

/** One class for each kind of word, as the tokens of the stylesheet name them. */
export const highlighter = tagHighlighter([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier, tags.controlKeyword, tags.self], class: 'k' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp, tags.character], class: 's' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], class: 'n' },
  { tag: [tags.comment, tags.meta], class: 'c' },
  {
    tag: [
      tags.function(tags.variableName),
      tags.function(tags.definition(tags.variableName)),
      tags.className,
      tags.standard(tags.variableName),
    ],
    class: 'f',
  },
]);

/** Code in coloured pieces; undefined for a language that has no grammar here, or whose grammar is still being loaded. */
export const highlight: Highlight = (source, language) => {
  const grammar = grammarOf(language);
  if (!grammar) return undefined;
  const pieces: Piece[] = [];
  highlightCode(
    source,
    grammar.parser.parse(source),
    highlighter,
    (text, style) => pieces.push({ text, style }),
    () => pieces.push({ text: '\n', style: '' }),
  );
  return pieces;
};
