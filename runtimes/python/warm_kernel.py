"""What cells do first, on top of what data programs do first: a value, a table, a figure, an error."""

import runpy

import pandas as pd
from dragoman_python import shell

_data = runpy.run_path('/opt/dragoman/runtimes/python/warm.py')
# As in a notebook: wide tables wrap instead of losing columns.
pd.set_option('display.max_columns', 20)


def warm():
    """Leaves nothing behind: no name, no figure, no count."""
    _data['warm']()
    shell.exercise()
