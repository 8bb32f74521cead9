import type { CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { StateEffect, StateField } from '@codemirror/state';
import { type EditorView, showTooltip } from '@codemirror/view';
import { call } from '../api/http.ts';

export interface CompletionPlace {
  readonly sessionId: string;
  readonly language: string;
  /** A cell runs, so the kernel cannot be asked. */
  readonly isBusy: () => boolean;
  /** Text of the whole notebook, for words. */
  readonly words: () => string;
}

interface Completed {
  readonly matches: readonly string[];
  /** In characters, as `end`. */
  readonly start: number;
  readonly end: number;
}

const word = /[\p{L}\p{N}_$.]+$/u;

/** Completes from the kernel while it is idle, else from the words of the notebook. */
export function completionOf(place: CompletionPlace) {
  return async (context: CompletionContext): Promise<CompletionResult | null> => {
    const before = context.matchBefore(word);
    if (!context.explicit && (!before || !/\.\w*$|^\w{2,}$/.test(before.text))) return null;
    const code = context.state.doc.toString();
    if (!place.isBusy()) {
      const found = await ask<Completed>(place, 'complete', code, context.pos);
      if (found && found.matches.length > 0)
        return {
          from: toUnits(code, found.start),
          to: toUnits(code, found.end),
          options: found.matches.map((label) => ({ label })),
          validFor: /^\.?[\p{L}\p{N}_]*$/u,
        };
    }
    return wordsOf(place, context);
  };
}

function wordsOf(place: CompletionPlace, context: CompletionContext): CompletionResult | null {
  const here = context.matchBefore(/[\p{L}_][\p{L}\p{N}_]*/u);
  if (!here) return null;
  const words = new Set(place.words().match(/[\p{L}_][\p{L}\p{N}_]{2,}/gu) ?? []);
  words.delete(here.text);
  const options = [...words].slice(0, 2000).map((label) => ({ label, detail: 'word of this notebook' }));
  return options.length > 0 ? { from: here.from, options, validFor: /^[\p{L}\p{N}_]*$/u } : null;
}

/** The kernel counts characters, JavaScript counts units of UTF-16. */
const toUnits = (code: string, at: number) => [...code].slice(0, at).join('').length;

async function ask<T>(
  { sessionId, language }: CompletionPlace,
  what: 'complete' | 'inspect',
  code: string,
  cursor: number,
): Promise<T | undefined> {
  try {
    const json = { language, code, cursor: [...code.slice(0, cursor)].length };
    return await call<T>('POST', `/sessions/${sessionId}/${what}`, { json, signal: AbortSignal.timeout(2000) });
  } catch {
    // Busy, without a kernel, or a language that has no completion.
    return undefined;
  }
}

const setTip = StateEffect.define<{ pos: number; text: string } | null>();

/** What is known of the name under the caret, until the next key. */
export const tipField = StateField.define<{ pos: number; text: string } | null>({
  create: () => null,
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(setTip)) return effect.value;
    return transaction.docChanged || transaction.selection ? null : value;
  },
  provide: (field) =>
    showTooltip.from(field, (tip) =>
      tip === null
        ? null
        : {
            pos: tip.pos,
            above: true,
            create: () => {
              const dom = document.createElement('pre');
              dom.className = 'tip';
              dom.textContent = tip.text;
              return { dom };
            },
          },
    ),
});

/** Shift+Tab shows signature and documentation where the kernel knows the name; elsewhere it takes indentation away. */
export function inspectKey(place: CompletionPlace) {
  return (view: EditorView): boolean => {
    const { main } = view.state.selection;
    const line = view.state.doc.lineAt(main.head);
    if (!main.empty || /^\s*$/.test(line.text.slice(0, main.head - line.from)) || place.isBusy()) return false;
    const code = view.state.doc.toString();
    void ask<{ signature?: string | null; documentation?: string | null }>(place, 'inspect', code, main.head).then(
      (found) => {
        const text = [found?.signature, found?.documentation].filter(Boolean).join('\n\n');
        if (text !== '') view.dispatch({ effects: setTip.of({ pos: main.head, text: text.slice(0, 4000) }) });
      },
    );
    return true;
  };
}
