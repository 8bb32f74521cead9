"""Figures of matplotlib: shown when the program says so or at the end of the cell that left them open, then closed."""

import sys
import weakref

from IPython.core import pylabtools

from . import charts, plots
from .charts import of_matplotlib
from .imports import after_import

# Those that this cell has shown already.
_shown = weakref.WeakSet()


def take_over():
    """Makes plt.show() and figure.show() show figures, and show() of Pillow pictures."""
    plots.survive_backends()
    after_import('PIL.ImageShow', _take_pictures)
    pyplot = sys.modules.get('matplotlib.pyplot')
    if pyplot is None:
        return
    from matplotlib.figure import Figure

    pyplot.show = _show_all
    Figure.show = _show_one
    of_matplotlib.take_over()


def _take_pictures(module):
    def show(image, title=None, **_options):
        from IPython.display import display

        display(image)
        return True

    module.show = show


def forms(figure, include=None, exclude=None):
    """A figure as an image and its data, for IPython's display formatter; nothing for an empty one."""
    image = pylabtools.print_figure(figure, fmt='png', bbox_inches='tight', base64=True)
    if image is None:
        return {}
    _shown.add(figure)
    try:
        chart = of_matplotlib.chart(figure)
    except Exception:
        chart = None  # The image stands for itself.
    return {'image/png': image, charts.MIME: chart} if chart else {'image/png': image}


def show_open(shell):
    """At the end of a cell: shows what it left open and has not shown, and closes it."""
    managers = sys.modules.get('matplotlib._pylab_helpers')
    if managers is None:
        return
    try:
        for manager in managers.Gcf.get_all_fig_managers():
            if manager.canvas.figure not in _shown:
                _show(shell, manager.canvas.figure)
    finally:
        _shown.clear()
        if managers.Gcf.figs:
            sys.modules['matplotlib.pyplot'].close('all')


def _show(shell, figure):
    if not (figure.axes or figure.lines or figure.images or figure.texts or figure.patches):
        return
    bundle, _ = shell.forms_of(figure)
    # Its text says the size alone: to a reader of text it is noise between what the cell printed.
    bundle.pop('text/plain', None)
    if bundle:
        shell.outbox.show('display', bundle)


def _show_all(*_args, **_keywords):
    from IPython import get_ipython

    shell = get_ipython()
    pyplot = sys.modules['matplotlib.pyplot']
    for number in pyplot.get_fignums():
        _show(shell, pyplot.figure(number))
    pyplot.close('all')


def _show_one(figure, warn=True):
    from IPython import get_ipython

    _show(get_ipython(), figure)
