/**
 * Charts of the service in the words of this API. What comes in is the claim of a sandbox, so anything may be missing; what goes out has
 * every key that clients read.
 */

interface Axis {
  readonly label?: unknown;
  readonly unit?: unknown;
  readonly scale?: unknown;
  readonly ticks?: unknown;
}

interface Series {
  readonly kind?: unknown;
  readonly label?: unknown;
  readonly points?: unknown;
}

interface Chart {
  readonly kind?: unknown;
  readonly title?: unknown;
  readonly x?: Axis;
  readonly y?: Axis;
  readonly series?: unknown;
  readonly charts?: unknown;
}

const scales = ['linear', 'datetime', 'categorical', 'log', 'symlog', 'logit', 'function', 'functionlog', 'asinh'];
const renamedScales: Readonly<Record<string, string>> = { date: 'datetime', category: 'categorical' };

/** A chart, or one of type `unknown` for what this API has no word for. */
export function chartOf(value: unknown): object {
  const chart = (typeof value === 'object' && value !== null ? value : {}) as Chart;
  const title = textOf(chart.title);
  if (Array.isArray(chart.charts)) return { type: 'superchart', title, elements: chart.charts.map(chartOf) };
  const series: Series[] = Array.isArray(chart.series) ? chart.series.filter(isObject) : [];
  const kinds = new Set(series.map(({ kind }) => kind));
  const kind = kinds.size === 1 ? [...kinds][0] : undefined;
  switch (kind) {
    case 'line':
    case 'scatter':
      return { type: kind, title, ...labels(chart), ...ticks(chart), elements: series.map(pointElement) };
    case 'bar':
    case 'histogram':
      return { type: 'bar', title, ...labels(chart), elements: series.flatMap(barElements) };
    case 'pie':
      return { type: 'pie', title, elements: series.flatMap((each) => pointsOf(each).map(pieElement)) };
    case 'box':
      return {
        type: 'box_and_whisker',
        title,
        ...labels(chart),
        elements: series.flatMap((each) => pointsOf(each).map(boxElement)),
      };
    default:
      return { type: 'unknown', title, elements: [] };
  }
}

const labels = ({ x, y }: Chart) => ({
  x_label: textOf(x?.label),
  y_label: textOf(y?.label),
  x_unit: textOf(x?.unit),
  y_unit: textOf(y?.unit),
});

function ticks({ x, y, series }: Chart) {
  const all = (Array.isArray(series) ? series.filter(isObject) : []).flatMap(pointsOf);
  return {
    ...ticksOf(
      'x',
      x,
      all.map(([value]) => value),
    ),
    ...ticksOf(
      'y',
      y,
      all.map(([, value]) => value),
    ),
  };
}

/** Where an axis has no words of its own, its ends are its ticks. */
function ticksOf(name: 'x' | 'y', axis: Axis | undefined, values: readonly unknown[]) {
  const words = Array.isArray(axis?.ticks) ? axis.ticks.map(String) : undefined;
  const numbers = values.filter((value) => typeof value === 'number');
  const ends = numbers.length > 0 ? [Math.min(...numbers), Math.max(...numbers)] : [];
  return {
    [`${name}_ticks`]: words ? words.map((_, at) => at) : ends,
    [`${name}_tick_labels`]: words ?? ends.map(String),
    [`${name}_scale`]: scaleOf(axis?.scale),
  };
}

function scaleOf(scale: unknown): string {
  const name = renamedScales[String(scale)] ?? String(scale);
  return scales.includes(name) ? name : 'unknown';
}

const pointElement = (series: Series, at: number) => ({
  label: textOf(series.label) ?? `Line ${at}`,
  points: pointsOf(series).map(([x, y]) => [x ?? null, y ?? null]),
});

const barElements = (series: Series, at: number) =>
  pointsOf(series).map(([label, value]) => ({
    label: String(label ?? ''),
    group: textOf(series.label) ?? `Group ${at}`,
    value: value ?? null,
  }));

const pieElement = ([label, share]: readonly unknown[]) => ({
  label: String(label ?? ''),
  angle: typeof share === 'number' ? share * 360 : null,
  radius: 1,
});

function boxElement([label, facts]: readonly unknown[]) {
  const { low, q1, median, q3, high, outliers } = (isObject(facts) ? facts : {}) as Readonly<Record<string, unknown>>;
  return {
    label: String(label ?? ''),
    min: low ?? null,
    first_quartile: q1 ?? null,
    median: median ?? null,
    third_quartile: q3 ?? null,
    max: high ?? null,
    outliers: Array.isArray(outliers) ? outliers : [],
  };
}

const pointsOf = ({ points }: Series): unknown[][] => (Array.isArray(points) ? points.filter(Array.isArray) : []);
const textOf = (value: unknown) => (typeof value === 'string' ? value : null);
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
