import { useMemo, useState } from 'preact/hooks';
import { OutputFrame } from './output-frame.tsx';

/** HTML of a program: styled and without its scripts, until its reader asks for these. */
export function HtmlView({ html }: { html: string }) {
  const [isLive, setLive] = useState(false);
  const hasScript = /<script|\son\w+\s*=|<iframe/i.test(html);
  const still = useMemo(() => ({ kind: 'html', html }), [html]);
  const live = useMemo(() => ({ html }), [html]);
  return (
    <div>
      {hasScript && !isLive && (
        <p class="fold">
          <span>This output has a program of its own. It can see this output, and could send it away.</span>
          <button type="button" onClick={() => setLive(true)}>
            Run it
          </button>
        </p>
      )}
      {isLive ? (
        <OutputFrame key="live" kind="live" title="Output with a program" show={live} />
      ) : (
        <OutputFrame key="still" kind="still" title="HTML output" show={still} />
      )}
    </div>
  );
}
