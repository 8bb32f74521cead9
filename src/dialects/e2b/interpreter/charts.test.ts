import { describe, expect, it } from 'vitest';
import { chartOf } from './charts.ts';
import { resultOf } from './results.ts';

const axes = { x: { label: 't (s)', unit: 's', scale: 'date' }, y: { label: null, unit: null, scale: 'log' } };

describe('charts', () => {
  it('of lines have every key that clients read', () => {
    const series = [
      {
        kind: 'line',
        label: null,
        points: [
          ['2026-01-01', 1],
          ['2026-01-02', null],
        ],
      },
    ];
    expect(chartOf({ kind: 'line', title: 'T', ...axes, series })).toEqual({
      ...{ type: 'line', title: 'T', x_label: 't (s)', y_label: null, x_unit: 's', y_unit: null },
      ...{
        x_ticks: [],
        x_tick_labels: [],
        x_scale: 'datetime',
        y_ticks: [1, 1],
        y_tick_labels: ['1', '1'],
        y_scale: 'log',
      },
      elements: [
        {
          label: 'Line 0',
          points: [
            ['2026-01-01', 1],
            ['2026-01-02', null],
          ],
        },
      ],
    });
  });

  it.each([
    ['bar', [{ kind: 'bar', label: null, points: [['a', 3]] }], [{ label: 'a', group: 'Group 0', value: 3 }]],
    ['pie', [{ kind: 'pie', label: null, points: [['a', 0.25]] }], [{ label: 'a', angle: 90, radius: 1 }]],
    [
      'box_and_whisker',
      [{ kind: 'box', points: [['a', { low: 1, q1: 2, median: 3, q3: 4, high: 5, outliers: [9] }]] }],
      [{ label: 'a', min: 1, first_quartile: 2, median: 3, third_quartile: 4, max: 5, outliers: [9] }],
    ],
    ['unknown', [{ kind: 'image', points: [] }], []],
    ['unknown', [{ kind: 'line' }, { kind: 'bar' }], []],
  ])('of type %s', (type, series, elements) => {
    expect(chartOf({ title: null, ...axes, series })).toMatchObject({ type, elements });
  });

  it('of several axes are one', () => {
    const one = { kind: 'bar', title: 'A', series: [{ kind: 'bar', points: [] }] };
    expect(chartOf({ kind: 'composite', title: 'All', charts: [one, null] })).toMatchObject({
      ...{ type: 'superchart', title: 'All' },
      elements: [{ type: 'bar', title: 'A' }, { type: 'unknown' }],
    });
  });

  it.each([null, 5, 'x', [], { series: 5 }, { series: [null, 5, { kind: 'line', points: [5, null] }] }])(
    'made of %j are harmless',
    (claim) => {
      expect(chartOf(claim)).toHaveProperty('elements');
    },
  );
});

describe('results', () => {
  it('have the names of this API, and other forms below extra', () => {
    const bundle = { 'text/plain': "'it'", 'image/png': 'AA', 'application/x-own': 1 };
    expect(resultOf(bundle)).toEqual({ text: 'it', png: 'AA', extra: { 'application/x-own': 1 } });
    expect(resultOf({ 'text/plain': "'" })).toEqual({ text: "'" });
  });

  it('of tables are columns', () => {
    const json = {
      columns: [{ name: 'a' }, { name: 'b' }],
      data: [
        [1, 'x'],
        [2, null],
      ],
    };
    expect(resultOf({ 'application/json': json })).toEqual({ data: { a: [1, 2], b: ['x', null] } });
    expect(resultOf({ 'application/json': { columns: 5, data: [5] } })).toHaveProperty('json');
  });
});
