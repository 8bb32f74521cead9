import * as Plot from '@observablehq/plot';
import { useEffect, useRef } from 'preact/hooks';
import { theme } from '../app/theme.ts';
import { bytes, count } from '../app/words.ts';
import { cpuTime } from './ages.ts';
import { ownerName } from './owner.tsx';
import type { Usage } from './types.ts';
import type { Measure } from './usage-view.tsx';

export interface UsageChartProps {
  readonly usage: Usage;
  readonly measure: Measure;
  readonly title: string;
}

const colours = ['var(--s1)', 'var(--s2)', 'var(--s3)', 'var(--info)', 'var(--warn)', 'var(--k)'];
const others = 'all others';
const dayMs = 24 * 60 * 60_000;

interface Bar {
  readonly date: string;
  readonly owner: string;
  readonly value: number;
}

/** Stacked bars: the keys that used most, and all others together. The table below has the numbers. */
export function UsageChart({ usage, measure, title }: UsageChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const names = usage.owners.slice(0, colours.length).map(({ owner }) => ownerName(owner));
  useEffect(() => {
    const width = Math.max(320, Math.min(960, place.current?.clientWidth || 640));
    place.current?.replaceChildren(draw(usage, measure, title, width));
  }, [usage, measure, theme.value]);
  return (
    <figure class="ops-chart" aria-label={`${title} by day, from ${usage.from} to ${usage.to}`}>
      <div ref={place} class="chart" aria-hidden="true" />
      <figcaption class="row small">
        {[...names, others].map((name, at) => (
          <span key={name}>
            <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
              <rect width="10" height="10" style={{ fill: colours[at] ?? 'var(--muted)' }} />
            </svg>{' '}
            {name}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

function draw(usage: Usage, measure: Measure, title: string, width: number) {
  const shown = usage.owners.slice(0, colours.length);
  const domain = [...shown.map(({ owner }) => owner.id), others];
  const bars: Bar[] = shown.flatMap(({ owner, days }) =>
    days.map((day) => ({ date: day.date, owner: owner.id, value: day[measure] })),
  );
  for (const day of usage.days) {
    const known = bars.filter(({ date }) => date === day.date).reduce((sum, { value }) => sum + value, 0);
    if (day[measure] > known) bars.push({ date: day.date, owner: others, value: day[measure] - known });
  }
  const nameOf = new Map(shown.map(({ owner }) => [owner.id, ownerName(owner)]));
  const dates = datesOf(usage);
  const step = Math.ceil(dates.length / Math.max(2, Math.floor(width / 70)));
  const words = wordsOf(measure);
  return Plot.plot({
    width,
    height: 260,
    marginLeft: 72,
    style: { background: 'transparent', color: 'var(--text)', fontSize: '12px', overflow: 'visible' },
    x: {
      type: 'band',
      label: null,
      domain: dates,
      ticks: dates.filter((_, at) => at % step === 0),
      tickFormat: (date: string) => date.slice(5),
    },
    y: { label: title, grid: true, tickFormat: words },
    color: { domain, range: [...colours.slice(0, shown.length), 'var(--muted)'] },
    marks: [
      Plot.barY(bars, {
        x: 'date',
        y: 'value',
        fill: 'owner',
        order: domain,
        title: ({ date, owner, value }: Bar) => `${nameOf.get(owner) ?? others}\n${date}: ${words(value)}`,
        tip: true,
      }),
      Plot.ruleY([0]),
    ],
  });
}

function datesOf({ from, to }: Usage): string[] {
  const dates = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += dayMs)
    dates.push(new Date(at).toISOString().slice(0, 10));
  return dates;
}

const wordsOf = (measure: Measure) => (measure === 'cpu_ms' ? cpuTime : measure === 'bytes_stored' ? bytes : count);
