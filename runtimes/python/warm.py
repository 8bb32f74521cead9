"""Exercises what data programs do first, so that lazy imports, font caches and page faults are behind them."""

import io

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt
import pandas as pd


def warm():
    """Leaves nothing behind: no open figure, no name."""
    frame = pd.DataFrame({'a': [1, 2, 3], 'b': [1.5, 2.5, 3.5], 'c': ['x', 'y', 'x']})
    repr(frame.describe())
    frame.groupby('c').sum(numeric_only=True).to_csv(io.StringIO())
    pd.read_csv(io.StringIO('a,b\n1,2\n'))
    figure, axes = plt.subplots()
    axes.plot([1, 2], [3, 4], label='x')
    axes.set_title('x')
    axes.legend()
    figure.savefig(io.BytesIO(), format='png')
    plt.close('all')
