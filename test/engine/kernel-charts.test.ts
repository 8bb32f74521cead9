import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { displays, openFor } from '../support/cells.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const mime = 'application/vnd.dragoman.chart+json';
const prologue = 'import matplotlib.pyplot as plt, numpy as np, pandas as pd, datetime as dt\n';

/** The chart data of each figure a cell shows. */
async function charts(code: string) {
  const cell = await (await openFor(engine)).run(prologue + code);
  expect(cell).toMatchObject({ stderr: '', exitCode: 0 });
  return displays(cell).map((forms) => forms[mime]);
}

describe('the data of a chart', () => {
  it('has title, labels, units, scales and series', async () => {
    const [chart] = await charts(`
plt.plot([1, 2, 3], [4, 5, np.nan], label='fast'); plt.plot([1, 2], [3, 4], 'o'); plt.axhline(3)
plt.title('Ride'); plt.xlabel('Time (s)'); plt.ylabel('Power [kW]'); plt.yscale('log'); plt.legend()`);
    expect(chart).toEqual({
      kind: 'composite',
      title: 'Ride',
      x: { label: 'Time (s)', unit: 's', scale: 'linear' },
      y: { label: 'Power [kW]', unit: 'kW', scale: 'log' },
      series: [
        {
          kind: 'line',
          label: 'fast',
          points: [
            [1, 4],
            [2, 5],
            [3, null],
          ],
        },
        {
          kind: 'scatter',
          label: null,
          points: [
            [1, 3],
            [2, 4],
          ],
        },
      ],
    });
  });

  it.each([
    ['bars', "plt.bar(['x', 'y'], [1, 2])", { kind: 'bar', points: [['x', 1], ['y', 2]] }], // biome-ignore format: a row is a case
    [
      'bars that lie',
      "plt.barh(['x', 'y'], [1, 2])",
      {
        kind: 'bar',
        orientation: 'horizontal',
        points: [
          ['x', 1],
          ['y', 2],
        ],
      },
    ],
    [
      'grouped bars',
      "plt.bar([-0.2, 0.8], [1, 2], 0.4); plt.xticks([0, 1], ['A', 'B'])",
      {
        kind: 'bar',
        points: [
          ['A', 1],
          ['B', 2],
        ],
      },
    ],
    [
      'a histogram',
      'plt.hist([0, 0, 1, 2], bins=2)',
      {
        kind: 'histogram',
        points: [
          [0.5, 2],
          [1.5, 2],
        ],
      },
    ],
    [
      'a pie',
      "plt.pie([1, 3], labels=['a', 'b'])",
      {
        kind: 'pie',
        points: [
          ['a', 0.25],
          ['b', 0.75],
        ],
      },
    ],
    [
      'a scatter plot',
      "plt.scatter([1, 2], [3, 4], label='s')",
      {
        kind: 'scatter',
        label: 's',
        points: [
          [1, 3],
          [2, 4],
        ],
      },
    ],
    [
      'dates',
      'plt.plot([dt.date(2024, 1, 1), dt.date(2024, 1, 2)], [1, 2])',
      {
        kind: 'line',
        points: [
          ['2024-01-01', 1],
          ['2024-01-02', 2],
        ],
      },
    ],
    [
      'an area',
      'plt.fill_between([1, 2], [3, 4])',
      {
        kind: 'area',
        points: [
          [1, 0, 3],
          [2, 0, 4],
        ],
      },
    ],
    [
      'a matrix',
      'plt.imshow([[1, 2], [3, 4]])',
      {
        kind: 'heatmap',
        points: [
          [0, 0, 1],
          [1, 0, 2],
          [0, 1, 3],
          [1, 1, 4],
        ],
      },
    ],
    [
      'boxes',
      "plt.boxplot([[1, 2, 3, 4, 100]], tick_labels=['p'])",
      { kind: 'box', points: [['p', { low: 1, q1: 2, median: 3, q3: 4, high: 4, outliers: [100] }]] },
    ],
    [
      "boxes of seaborn's",
      "import seaborn\nseaborn.boxplot(x=['a', 'a', 'b'], y=[1, 1, 2])",
      {
        kind: 'box',
        points: [
          ['a', { median: 1 }],
          ['b', { median: 2 }],
        ],
      },
    ],
    [
      "bars of pandas'",
      "pd.Series([1, 2], index=['u', 'v']).plot.bar()",
      {
        kind: 'bar',
        points: [
          ['u', 1],
          ['v', 2],
        ],
      },
    ],
    [
      'a line with errors',
      "plt.errorbar([1, 2], [3, 4], yerr=1, label='e')",
      {
        kind: 'line',
        label: 'e',
        points: [
          [1, 3],
          [2, 4],
        ],
      },
    ],
  ])('tells %s', async (_, code, series) => {
    const [chart] = await charts(`${code};`);
    expect(chart).toMatchObject({ kind: series.kind, series: [series] });
  });

  it('of a series in time has dates, and one of several histograms has its name', async () => {
    const [chart] = await charts(`pd.Series([1, 2], index=pd.date_range('2024', periods=2)).plot(xlabel='Day');`);
    expect(chart).toMatchObject({
      x: { label: 'Day', scale: 'date' },
      series: [
        {
          points: [
            ['2024-01-01', 1],
            ['2024-01-02', 2],
          ],
        },
      ],
    });
    const [histograms] = await charts(`plt.hist([[1, 2], [2, 2]], bins=2, label=['a', 'b']);`);
    expect(histograms).toMatchObject({ series: [{ label: 'a' }, { label: 'b' }] });
  });

  it('in space is told by its image alone', async () => {
    const [chart] = await charts(`plt.figure().add_subplot(projection='3d').scatter([1], [2], [3]);`);
    expect(chart).toBeUndefined();
  });

  it('tells several axes as one, without the colour bar', async () => {
    const [chart] = await charts(`
figure, (left, right) = plt.subplots(1, 2)
figure.colorbar(left.imshow([[1, 2]])); right.plot([1, 2]); right.set_title('R'); figure.suptitle('Both');`);
    expect(chart).toMatchObject({
      kind: 'composite',
      title: 'Both',
      charts: [{ kind: 'heatmap' }, { kind: 'line', title: 'R' }],
    });
    expect((chart as { charts: unknown[] }).charts).toHaveLength(2);
  });

  it('is at most 2000 points, and the short series stay whole', async () => {
    const [chart] = await charts(`plt.plot(np.arange(500_000)); plt.plot([1, 2, 3], label='x' * 5000);`);
    const { series } = chart as { series: { label: string; points: unknown[]; count?: number }[] };
    expect(series.map(({ points, count }) => [points.length, count])).toEqual([
      [1997, 500_000],
      [3, undefined],
    ]);
    expect(series[1]!.label).toHaveLength(200);
  });

  it('of a plotly figure is read from its JSON, packed arrays too', async () => {
    const [chart] = await charts(`
trace = {'type': 'bar', 'name': 'n', 'x': ['a', 'b'], 'y': {'dtype': 'f8', 'bdata': 'AAAAAAAA8D8AAAAAAAAAQA=='}}
layout = {'title': {'text': 'P'}, 'xaxis': {'title': {'text': 'Mass (kg)'}}}
display({'text/plain': 'Figure', 'application/vnd.plotly.v1+json': {'data': [trace], 'layout': layout}}, raw=True)`);
    expect(chart).toEqual({
      kind: 'bar',
      title: 'P',
      x: { label: 'Mass (kg)', unit: 'kg', scale: 'category', ticks: ['a', 'b'] },
      y: { label: null, unit: null, scale: 'linear' },
      series: [
        {
          kind: 'bar',
          label: 'n',
          points: [
            ['a', 1],
            ['b', 2],
          ],
        },
      ],
    });
  });

  it('that lies about itself costs the data, not the image', async () => {
    const cell = await (await openFor(engine)).run(`${prologue}
class Liar:
    def __getattr__(self, name): raise RuntimeError(name)
figure, axes = plt.subplots()
axes.plot([1, 2])
axes.get_title = Liar()
axes.containers.append(Liar())`);
    expect(cell.stderr).toBe('');
    const [forms] = displays(cell);
    expect(Object.keys(forms!)).toContain('image/png');
  });
});
