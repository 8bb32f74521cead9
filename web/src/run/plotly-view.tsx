import { useMemo } from 'preact/hooks';
import { OutputFrame } from './output-frame.tsx';

/** A plotly figure: our copy of plotly draws its data, in a frame. */
export function PlotlyView({ figure }: { figure: unknown }) {
  const show = useMemo(() => ({ kind: 'plotly', figure: JSON.stringify(figure) }), [figure]);
  return <OutputFrame kind="still" title="Interactive figure" show={show} />;
}
