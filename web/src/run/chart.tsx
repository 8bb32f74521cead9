import * as Plot from '@observablehq/plot';
import { useEffect, useRef, useState } from 'preact/hooks';
import { theme } from '../app/theme.ts';
import { count } from '../app/words.ts';
import type { Axis, Box, Chart, Series } from './chart-data.ts';

export interface ChartProps {
  readonly chart: unknown;
}

const colours = [
  'var(--s1)',
  'var(--s2)',
  'var(--s3)',
  'var(--info)',
  'var(--danger)',
  'var(--warn)',
  'var(--k)',
  'var(--muted)',
];

/** The data of a figure as a plot with values under the pointer, series that can be switched off, and the data as a list. */
export function ChartView({ chart }: ChartProps) {
  const whole = chart as Chart;
  return (
    <div>
      {(whole.charts ?? [whole]).map((one, at) => (
        <OneChart key={at} chart={one} />
      ))}
    </div>
  );
}

function OneChart({ chart }: { chart: Chart }) {
  const place = useRef<HTMLDivElement>(null);
  const [off, setOff] = useState<ReadonlySet<number>>(new Set());
  const series = (chart.series ?? []).filter(({ points }) => points.length > 0);
  const shown = series.flatMap((one, at) => (off.has(at) ? [] : [{ one, colour: colours[at % colours.length]! }]));
  const part = series.find((one) => one.count !== undefined);
  useEffect(() => {
    if (!place.current) return;
    const width = Math.max(320, Math.min(760, place.current.clientWidth || 640));
    try {
      place.current.replaceChildren(draw(chart, shown, width));
    } catch {
      place.current.textContent = 'These data cannot be drawn; the image above is complete.';
    }
  }, [chart, off, theme.value]);
  if (series.length === 0) return null;
  return (
    <div>
      <div ref={place} class="chart" />
      <div class="row small">
        {series.length > 1 &&
          series.map(({ label, kind }, at) => (
            <label key={`${label} ${kind} ${String(at)}`}>
              <input
                type="checkbox"
                checked={!off.has(at)}
                onChange={() => setOff(new Set(off.has(at) ? [...off].filter((each) => each !== at) : [...off, at]))}
              />{' '}
              {label ?? `${kind} ${at + 1}`}
            </label>
          ))}
        {part && (
          <span class="muted">
            {count(part.points.length)} of {count(part.count ?? 0)} points
          </span>
        )}
      </div>
    </div>
  );
}

interface Drawn {
  readonly one: Series;
  readonly colour: string;
}

function draw(chart: Chart, shown: readonly Drawn[], width: number): SVGSVGElement | HTMLElement {
  if (shown.some(({ one }) => one.kind === 'pie')) return draw({ ...chart, kind: 'bar' }, shown.map(asBars), width);
  const isBanded = shown.some(({ one }) => one.kind === 'bar' || one.kind === 'box' || one.kind === 'heatmap');
  const time =
    !isBanded && shown.some(({ one }) => one.points.some(([x]) => typeof x === 'string' && /^\d{4}-\d\d/.test(x)));
  const x = (point: readonly unknown[]) => (time ? new Date(String(point[0])) : point[0]) as Plot.ChannelValue;
  return Plot.plot({
    width,
    height: 300,
    marginLeft: 56,
    style: { background: 'transparent', color: 'var(--text)', fontSize: '12px', overflow: 'visible' },
    x: { label: axisWords(chart.x), ...scaleOf(chart.x, isBanded), grid: !isBanded },
    y: {
      label: axisWords(chart.y),
      ...scaleOf(
        chart.y,
        shown.some(({ one }) => one.kind === 'heatmap'),
      ),
      grid: true,
    },
    marks: shown.flatMap(({ one, colour }) => marksOf(one, colour, x as (point: readonly unknown[]) => unknown)),
  });
}

// biome-ignore lint/suspicious/noExplicitAny: the library takes accessors of any datum
type Accessor = any;

function marksOf(one: Series, colour: string, x: Accessor): Plot.Markish[] {
  const { points, label } = one;
  const y: Accessor = (point: readonly unknown[]) => point[1];
  const named: Accessor =
    label === null ? {} : { title: (point: readonly unknown[]) => `${label}\n${point[0]}: ${point[1]}` };
  const tip = { tip: true, ...named };
  const data = points as Accessor[];
  switch (one.kind) {
    case 'line':
      return [Plot.lineY(data, { x, y, stroke: colour, ...tip })];
    case 'scatter':
      return [Plot.dot(data, { x, y, fill: colour, r: 2.5, ...tip })];
    case 'bar':
      return [Plot.barY(data, { x, y, fill: colour, fillOpacity: 0.85, ...tip }), Plot.ruleY([0])];
    case 'histogram':
      return [Plot.rectY(data, { ...binOf(points), y, fill: colour, fillOpacity: 0.8, ...tip }), Plot.ruleY([0])];
    case 'area':
      return [
        Plot.areaY(data, { x, y1: (p: Accessor) => p[1], y2: (p: Accessor) => p[2], fill: colour, fillOpacity: 0.3 }),
      ];
    case 'heatmap':
      return [Plot.cell(data, { x, y, fill: (p: Accessor) => p[2], tip: true })];
    case 'box':
      return boxMarks(points as readonly [string, Box][], colour);
    default:
      return [];
  }
}

function boxMarks(points: readonly [string, Box][], colour: string): Plot.Markish[] {
  const data = points.map(([label, box]) => ({ label: label ?? '', ...box }));
  const outliers = data.flatMap(({ label, outliers }) => outliers.map((value) => ({ label, value })));
  return [
    Plot.ruleX(data, { x: 'label', y1: 'low', y2: 'high', stroke: colour }),
    Plot.barY(data, { x: 'label', y1: 'q1', y2: 'q3', fill: colour, fillOpacity: 0.4, tip: true }),
    Plot.tickY(data, { x: 'label', y: 'median', stroke: colour, strokeWidth: 2 }),
    Plot.dot(outliers, { x: 'label', y: 'value', stroke: colour, r: 2 }),
  ];
}

/** Bars of a histogram are as wide as the distance of their centres. */
function binOf(points: readonly (readonly number[])[]): { x1: Accessor; x2: Accessor } {
  const half = points.length > 1 ? Math.abs(points[1]![0]! - points[0]![0]!) / 2 : 0.5;
  return { x1: (p: Accessor) => p[0] - half, x2: (p: Accessor) => p[0] + half };
}

const asBars = ({ one, colour }: Drawn): Drawn => ({ one: one.kind === 'pie' ? { ...one, kind: 'bar' } : one, colour });

function scaleOf(axis: Axis | undefined, isBanded: boolean): Plot.ScaleOptions {
  if (isBanded) return { type: 'band' };
  return axis?.scale === 'log' ? { type: 'log' } : {};
}

const axisWords = (axis: Axis | undefined) => axis?.label ?? null;
