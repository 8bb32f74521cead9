"""IPython runs a cell and hands back its last value."""

from IPython.core.interactiveshell import InteractiveShell

result = InteractiveShell.instance().run_cell('x = 20\nx * 2 + 2', silent=False)
assert result.success and result.result == 42
