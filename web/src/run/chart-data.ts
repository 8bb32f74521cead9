/** The data of a chart, as the kernel takes it from a figure. */

export interface Axis {
  readonly label: string | null;
  readonly unit: string | null;
  readonly scale: string;
  readonly ticks?: readonly string[];
}

export interface Box {
  readonly low: number;
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
  readonly high: number;
  readonly outliers: readonly number[];
}

export interface Series {
  readonly kind: 'line' | 'scatter' | 'bar' | 'histogram' | 'pie' | 'area' | 'heatmap' | 'box' | 'image';
  readonly label: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: each kind has its own points
  readonly points: readonly (readonly any[])[];
  readonly count?: number;
}

export interface Chart {
  readonly kind: string;
  readonly title: string | null;
  readonly x?: Axis;
  readonly y?: Axis;
  readonly series?: readonly Series[];
  readonly charts?: readonly Chart[];
}

/** A chart in words, for those who do not see it: kind, title, axes, and where each series begins, ends, and lies. */
export function chartWords(value: unknown): string {
  const chart = value as Chart;
  const parts = (chart.charts ?? [chart]).map((one) => {
    const axes = [one.x?.label, one.y?.label].filter(Boolean).join(' and ');
    const series = (one.series ?? []).slice(0, 8).map(seriesWords);
    return `${one.kind} chart${one.title ? `, ${one.title}` : ''}${axes ? `, of ${axes}` : ''}: ${series.join('; ')}`;
  });
  return `${chart.charts && chart.title ? `${chart.title}. ` : ''}${parts.join('. ')}`.slice(0, 1000);
}

function seriesWords({ label, points, kind }: Series): string {
  const name = label ?? kind;
  const values = points.map((point) => point[1]).filter((value) => typeof value === 'number') as number[];
  if (values.length === 0) return `${name}, ${points.length} points`;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${name} from ${values[0]} to ${values.at(-1)}, between ${least} and ${most}`;
}
