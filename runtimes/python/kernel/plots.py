"""What a program shows leaves a file, because there is no screen: plot_<n>.png, or plot_<n>.html for what draws itself in a page.

A figure that the program has saved under a name of its own and not changed since is not saved again.
"""

import os
import weakref

from .imports import after_import

_count = 0
# Figures of matplotlib that were saved in files.
_saved = weakref.WeakSet()


def take_over():
    """From here on `show` of every library leaves a file."""
    survive_backends()
    after_import('matplotlib.figure', _take_figures)
    after_import('matplotlib.pyplot', _take_pyplot)
    after_import('PIL.ImageShow', _take_pictures)
    after_import('plotly.io._renderers', _take_plotly)


def survive_backends():
    """Backends of matplotlib that need a screen are taken for the one that needs none."""
    after_import('matplotlib', _take_use)
    after_import('matplotlib.pyplot', _take_switch)


def save_figure(figure):
    """Saves a figure of matplotlib unless that has been done; returns the name of the file, or None."""
    if figure in _saved and not figure.stale:
        return None
    path = _next('png')
    figure.savefig(path, bbox_inches='tight')
    return os.path.basename(path)


def save_picture(image):
    """Saves a picture of Pillow; returns the name of the file."""
    path = _next('png')
    has_png = image.mode in ('1', 'L', 'LA', 'I', 'I;16', 'P', 'RGB', 'RGBA')
    (image if has_png else image.convert('RGB')).save(path)
    return os.path.basename(path)


def save_page(html):
    """Saves a page; returns the name of the file."""
    path = _next('html')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(html)
    return os.path.basename(path)


def _next(ending):
    global _count
    _count += 1
    return f'/mnt/data/plot_{_count}.{ending}'


def _take_use(matplotlib):
    usual = matplotlib.use

    def use(backend, *, force=True):
        try:
            usual(backend, force=force)
        except ImportError:
            usual('agg', force=force)

    matplotlib.use = use


def _take_switch(pyplot):
    usual = pyplot.switch_backend

    def switch_backend(newbackend):
        try:
            usual(newbackend)
        except ImportError:
            usual('agg')

    pyplot.switch_backend = switch_backend


def _take_figures(module):
    usual = module.Figure.savefig

    def savefig(self, fname, *args, **options):
        result = usual(self, fname, *args, **options)
        if isinstance(fname, (str, os.PathLike)):
            # Saving for a file of another size or resolution leaves marks that are no change of the program's.
            self.stale = False
            _saved.add(self)
        return result

    savefig.__doc__, savefig.__wrapped__ = usual.__doc__, usual
    module.Figure.savefig = savefig
    module.Figure.show = lambda self, warn=True: save_figure(self) and None


def _take_pyplot(pyplot):
    def show(*_args, **_options):
        for number in pyplot.get_fignums():
            save_figure(pyplot.figure(number))
        pyplot.close('all')

    pyplot.show = show


def _take_pictures(module):
    def show(image, title=None, **_options):
        save_picture(image)
        return True

    module.show = show


def _take_plotly(module):
    def show(fig, *_args, **_options):
        from plotly.io import to_html

        save_page(to_html(fig, validate=False))

    module.show = show
    # Figures look it up in the package.
    import plotly.io

    plotly.io.show = show
