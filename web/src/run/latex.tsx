import 'katex/dist/katex.min.css';
import { render } from 'katex';
import { useEffect, useRef } from 'preact/hooks';

/** A formula. Its source stays text wherever it cannot be read. */
export function LatexView({ source }: { source: string }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const formula = source
      .trim()
      .replace(/^\$\$?|\$\$?$/g, '')
      .replace(/^\\\(|\\\)$|^\\\[|\\\]$/g, '')
      .replace(/^\\displaystyle/, '');
    const options = {
      displayMode: true,
      throwOnError: false,
      trust: false,
      strict: 'ignore',
      maxSize: 20,
      maxExpand: 200,
    } as const;
    if (place.current) render(formula, place.current, options);
  }, [source]);
  return <div ref={place} class="latex" />;
}
