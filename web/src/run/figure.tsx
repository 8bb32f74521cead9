import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Icon } from '../app/icons.tsx';
import { bytesOf, saveBlob, saveText } from '../files/save.ts';
import type { ChartProps } from './chart.tsx';
import { chartWords } from './chart-data.ts';

interface FigureProps {
  readonly type: string;
  /** Base64; SVG as text. */
  readonly data: string;
  readonly chart: unknown;
  readonly words: string;
}

/** An image as the code made it. An SVG is an image, too: nothing in it can run. Chart data can be explored beside it. */
export function Figure({ type, data, chart, words }: FigureProps) {
  const [isBig, setBig] = useState(false);
  const [isExploring, explore] = useState(false);
  const isSvg = type === 'image/svg+xml';
  const address = isSvg ? `data:${type};charset=utf-8,${encodeURIComponent(data)}` : `data:${type};base64,${data}`;
  const size = type === 'image/png' ? pngSize(data) : undefined;
  useEffect(() => {
    if (!isBig) return;
    const leave = (event: KeyboardEvent) => event.key === 'Escape' && setBig(false);
    addEventListener('keydown', leave);
    return () => removeEventListener('keydown', leave);
  }, [isBig]);
  const save = () =>
    isSvg
      ? saveText('figure.svg', data, type)
      : saveBlob(`figure.${type.slice(6)}`, new Blob([bytesOf(data)], { type }));
  return (
    <figure class={isBig ? 'fig big' : 'fig'}>
      <img src={address} alt={chart ? chartWords(chart) : words} {...size} />
      <figcaption>
        <span class="grow" />
        {chart !== undefined && (
          <button type="button" aria-pressed={isExploring} onClick={() => explore(!isExploring)}>
            Explore
          </button>
        )}
        <button type="button" class="icon" aria-label="Save figure" onClick={save}>
          <Icon name="down" />
        </button>
        <button type="button" onClick={() => setBig(!isBig)}>
          {isBig ? 'Close' : 'Enlarge'}
        </button>
      </figcaption>
      {isExploring && <Explore chart={chart} />}
    </figure>
  );
}

/** The plotting library is loaded with the first chart that is explored. */
function Explore({ chart }: ChartProps) {
  const [View, setView] = useState<ComponentType<ChartProps> | undefined>(undefined);
  useEffect(() => {
    void import('./chart.tsx').then(({ ChartView }) => setView(() => ChartView));
  }, []);
  return View ? <View chart={chart} /> : <p class="muted">Loading</p>;
}

/** Width and height of a PNG from its first bytes, so that nothing moves when it appears. */
function pngSize(base64: string): { width: number; height: number } | undefined {
  try {
    const head = new DataView(bytesOf(base64.slice(0, 44)).buffer);
    const [width, height] = [head.getUint32(16), head.getUint32(20)];
    return width > 0 && height > 0 && width < 65_536 && height < 65_536 ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}
