import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab, toggleComment } from '@codemirror/commands';
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { Compartment, EditorState, type Extension, Prec } from '@codemirror/state';
import { drawSelection, EditorView, keymap, lineNumbers } from '@codemirror/view';
import { grammarOf } from '../run/grammars.ts';
import { highlighter } from '../run/highlight.ts';
import { type CompletionPlace, completionOf, inspectKey, tipField } from './completion.ts';

export interface EditorOptions extends CompletionPlace {
  readonly source: string;
  /** Offset of the caret; absent: the end. */
  readonly caret?: number | undefined;
  readonly label: string;
  readonly onChange: (source: string) => void;
  readonly onRun: (then: 'next' | 'stay' | 'insert') => void;
  readonly onLeave: () => void;
  /** The caret leaves the cell upwards or downwards. */
  readonly onStep: (by: -1 | 1) => void;
  readonly onSplit: (before: string, after: string) => void;
}

const look = EditorView.theme({
  '&': { fontSize: '13px', color: 'var(--text)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-content': { caretColor: 'var(--text)', padding: '0' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': { background: 'var(--soft)' },
  '.cm-gutters': { background: 'none', border: '0', color: 'var(--muted)' },
  '.cm-matchingBracket': { background: 'var(--hover)', outline: '1px solid var(--edge)' },
  '.cm-tooltip': {
    background: 'var(--surface)',
    border: '1px solid var(--edge)',
    borderRadius: '6px',
    color: 'var(--text)',
  },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { background: 'var(--accent)', color: 'var(--on-accent)' },
  '.cm-completionDetail': { color: 'inherit', opacity: '0.8' },
});

/** The page's policy lets a style in only with the nonce of this page. */
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';

/** Makes the editor of one cell. */
export function makeEditor(parent: HTMLElement, options: EditorOptions): EditorView {
  const language = new Compartment();
  const { source, caret = source.length } = options;
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: source,
      selection: { anchor: Math.min(caret, source.length) },
      extensions: [
        EditorView.cspNonce.of(nonce),
        Prec.highest(keymap.of(keysOf(options))),
        history(),
        drawSelection(),
        indentOnInput(),
        indentUnit.of(options.language === 'python' ? '    ' : '  '),
        bracketMatching(),
        closeBrackets(),
        autocompletion({ override: [completionOf(options)], activateOnTypingDelay: 150, icons: false }),
        syntaxHighlighting(highlighter),
        language.of(grammar(options.language)),
        source.split('\n').length > 12 ? lineNumbers() : [],
        tipField,
        look,
        EditorView.contentAttributes.of({ 'aria-label': options.label }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onChange(update.state.doc.toString());
        }),
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap, indentWithTab]),
      ],
    }),
  });
  view.focus();
  return view;
}

const grammar = (name: string): Extension => grammarOf(name)?.extension ?? [];

function keysOf(options: EditorOptions) {
  const run = (then: 'next' | 'stay' | 'insert') => () => {
    options.onRun(then);
    return true;
  };
  const step = (by: -1 | 1) => (view: EditorView) => {
    const isLeaving = stepsOut(view, by);
    if (isLeaving) options.onStep(by);
    return isLeaving;
  };
  return [
    { key: 'Shift-Enter', run: run('next') },
    { key: 'Ctrl-Enter', mac: 'Cmd-Enter', run: run('stay') },
    { key: 'Alt-Enter', run: run('insert') },
    { key: 'Ctrl-/', mac: 'Cmd-/', run: toggleComment },
    { key: 'Shift-Tab', run: inspectKey(options) },
    {
      key: 'Ctrl-Shift--',
      run: (view: EditorView) => {
        const at = view.state.selection.main.head;
        const text = view.state.doc.toString();
        options.onSplit(text.slice(0, at), text.slice(at));
        return true;
      },
    },
    {
      key: 'Escape',
      run: (view: EditorView) => {
        // The first Escape closes a list of completions.
        if (view.dom.querySelector('.cm-tooltip')) return false;
        options.onLeave();
        return true;
      },
    },
    { key: 'ArrowUp', run: step(-1) },
    { key: 'ArrowDown', run: step(1) },
  ];
}

function stepsOut({ state }: EditorView, by: -1 | 1): boolean {
  const { main } = state.selection;
  if (!main.empty) return false;
  const line = state.doc.lineAt(main.head).number;
  return by < 0 ? line === 1 : line === state.doc.lines;
}
