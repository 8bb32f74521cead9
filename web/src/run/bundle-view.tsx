import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Bundle } from '../api/types.ts';
import { Figure } from './figure.tsx';
import { HtmlView } from './html-view.tsx';
import { JsonTree } from './json-tree.tsx';
import { Markdown } from './markdown.tsx';
import { PlotlyView } from './plotly-view.tsx';
import { isTable, TableView } from './table-view.tsx';
import { TextLog } from './text-log.ts';
import { TextView } from './text-view.tsx';

/** Data of a chart, as the kernel takes it from a figure. */
const chartType = 'application/vnd.dragoman.chart+json';

/** Forms in the order in which they win. */
const order: readonly (readonly [RegExp, string])[] = [
  [/^application\/vnd\.plotly\.v1\+json$/, 'Interactive figure'],
  [/^application\/json$/, 'Data'],
  [/^image\/svg\+xml$/, 'Drawing'],
  [/^image\/(png|jpeg|gif|webp)$/, 'Image'],
  [/^text\/latex$/, 'Formula'],
  [/^text\/markdown$/, 'Text'],
  [/^text\/html$/, 'HTML'],
  [/^application\/.*json$/, 'Data'],
  [/^text\/plain$/, 'Plain text'],
];

/** The forms of a bundle that can be shown, best first. */
function formsOf(bundle: Bundle): { type: string; title: string; rank: number }[] {
  return Object.keys(bundle)
    .flatMap((type) => {
      if (type === chartType) return [];
      // HTML says more than a tree of values, unless the values are a table.
      const rank =
        type === 'application/json' && !isTable(bundle[type]) ? 7 : order.findIndex(([known]) => known.test(type));
      return rank < 0 ? [] : [{ type, title: order[rank]![1], rank }];
    })
    .sort((a, b) => a.rank - b.rank);
}

/** A result in its best form; another one can be chosen. */
export function BundleView({ bundle }: { bundle: Bundle }) {
  const forms = formsOf(bundle);
  const [chosen, choose] = useState<string | undefined>(undefined);
  const form = forms.find(({ type }) => type === chosen) ?? forms[0];
  if (!form)
    return <p class="muted small">A result of the type {Object.keys(bundle).join(', ')}, which is not shown.</p>;
  return (
    <div class="bundle">
      <Form type={form.type} value={bundle[form.type]} bundle={bundle} />
      {forms.length > 1 && form.type !== 'text/plain' && (
        <label class="muted small forms">
          <span class="vh">Shown as</span>
          <select value={form.type} onChange={(event) => choose(event.currentTarget.value)}>
            {forms.map(({ type, title }) => (
              <option key={type} value={type}>
                {title}
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}

function Form({ type, value, bundle }: { type: string; value: unknown; bundle: Bundle }) {
  const text = Array.isArray(value) ? value.join('') : value;
  if (isTable(value)) return <TableView table={value} />;
  if (type === 'application/vnd.plotly.v1+json') return <PlotlyView figure={value} />;
  if (type.startsWith('image/') && typeof text === 'string')
    return (
      <Figure type={type} data={text} chart={bundle[chartType]} words={String(bundle['text/plain'] ?? 'Figure')} />
    );
  if (type === 'text/html' && typeof text === 'string') return <HtmlView html={text} />;
  if (type === 'text/latex' && typeof text === 'string') return <Latex source={text} />;
  if (type === 'text/markdown' && typeof text === 'string') return <Markdown source={text} />;
  if (typeof text === 'string') return <PlainText text={text} />;
  return <JsonTree value={value} />;
}

function PlainText({ text }: { text: string }) {
  const [log] = useState(() => {
    const made = new TextLog();
    made.write(text, false);
    return made;
  });
  return <TextView part={{ kind: 'text', log, version: signal(0) }} isOver={true} />;
}

/** The renderer of formulas is loaded with the first formula. */
function Latex({ source }: { source: string }) {
  const [View, setView] = useState<ComponentType<{ source: string }> | undefined>(undefined);
  useEffect(() => {
    void import('./latex.tsx').then(({ LatexView }) => setView(() => LatexView));
  }, []);
  return View ? <View source={source} /> : <pre>{source}</pre>;
}
