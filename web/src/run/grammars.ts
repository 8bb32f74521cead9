import { javascriptLanguage, typescriptLanguage } from '@codemirror/lang-javascript';
import { pythonLanguage } from '@codemirror/lang-python';
import { type Language, StreamLanguage } from '@codemirror/language';
import { c, cpp, csharp, java } from '@codemirror/legacy-modes/mode/clike';
import { go } from '@codemirror/legacy-modes/mode/go';
import { r } from '@codemirror/legacy-modes/mode/r';
import { rust } from '@codemirror/legacy-modes/mode/rust';
import { shell } from '@codemirror/legacy-modes/mode/shell';

const grammars: Readonly<Record<string, Language>> = {
  python: pythonLanguage,
  py: pythonLanguage,
  javascript: javascriptLanguage,
  js: javascriptLanguage,
  typescript: typescriptLanguage,
  ts: typescriptLanguage,
  json: javascriptLanguage,
  bash: StreamLanguage.define(shell),
  sh: StreamLanguage.define(shell),
  c: StreamLanguage.define(c),
  cpp: StreamLanguage.define(cpp),
  'c++': StreamLanguage.define(cpp),
  csharp: StreamLanguage.define(csharp),
  java: StreamLanguage.define(java),
  go: StreamLanguage.define(go),
  rust: StreamLanguage.define(rust),
  r: StreamLanguage.define(r),
};

/** The grammar of a language; undefined where none is here. */
export function grammarOf(language: string): Language | undefined {
  const name = language.trim().toLowerCase();
  return Object.hasOwn(grammars, name) ? grammars[name] : undefined;
}
