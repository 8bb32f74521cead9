import { signal } from '@preact/signals';
import type { Highlight } from './highlight.ts';

/** The grammars are loaded with the first code; until then it is plain. */
const highlight = signal<Highlight | undefined>(undefined);
let isLoading = false;

function load(): void {
  if (isLoading) return;
  isLoading = true;
  void import('./highlight.ts').then((module) => {
    highlight.value = module.highlight;
  });
}

/** Code in colours. It scrolls sideways and never down. */
export function Code({ source, language, label = 'Code' }: { source: string; language: string; label?: string }) {
  load();
  return (
    <section class="code" tabIndex={0} aria-label={label}>
      <pre>
        <Coloured source={source} language={language} />
      </pre>
    </section>
  );
}

/** Longer code stays plain: colours would hold up the page. */
const longest = 100_000;

export function Coloured({ source, language }: { source: string; language: string }) {
  load();
  const pieces = source.length <= longest ? highlight.value?.(source, language) : undefined;
  if (!pieces) return <code>{source}</code>;
  return <code>{pieces.map(({ text, style }) => (style === '' ? text : <span class={style}>{text}</span>))}</code>;
}
