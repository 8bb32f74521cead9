"""What a notebook's code finds without an import, in a program: `display` and `get_ipython()`, with magics and shell commands."""

import builtins
import sys

from . import plots
from .imports import after_import


def take_over():
    """Gives programs these functions; what they need of IPython is imported when one is called."""
    builtins.display = display
    builtins.get_ipython = get_ipython
    after_import('IPython.core.display_functions', lambda module: setattr(module, 'display', display))
    after_import('IPython.display', lambda module: setattr(module, 'display', display))


def display(*values, **_options):
    """Shows values as a program can: text is printed, and what is to be seen leaves a file."""
    for value in values:
        name = _file_of(value)
        if name is None:
            print(_text_of(value))
        elif name:
            print(f'[shown in {name}]')


def get_ipython():
    """The shell of IPython over the program's own names."""
    from . import shell

    return shell.of_program(_Shown())


class _Shown:
    """Where the shell shows things, in a program."""

    failed = False

    def show(self, _kind, forms, _name=None, _is_update=False, metadata=None):
        print(forms.get('text/plain', ''))

    def error(self, *_error):
        self.failed = True

    def clear(self, _wait):
        """What is printed stays."""

    def settle(self):
        """Nothing is on another way."""


def _file_of(value):
    """The name of the file that shows a value; '' where it has been saved before; None for what is text."""
    module = type(value).__module__.split('.')[0]
    try:
        if module == 'matplotlib' and hasattr(value, 'savefig'):
            return plots.save_figure(value) or ''
        if module == 'PIL' and hasattr(value, 'save'):
            return plots.save_picture(value)
        if module == 'plotly' and hasattr(value, 'to_html'):
            return plots.save_page(value.to_html())
        if module == 'IPython' and isinstance(getattr(value, 'data', None), bytes) and hasattr(value, 'format'):
            from PIL import Image
            import io

            return plots.save_picture(Image.open(io.BytesIO(value.data)))
    except Exception:
        pass
    return None


def _text_of(value):
    if type(value).__module__.startswith('IPython.') and isinstance(getattr(value, 'data', None), str):
        return value.data  # Markdown, HTML, LaTeX
    pretty = sys.modules.get('IPython.lib.pretty')
    return pretty.pretty(value) if pretty and not hasattr(value, 'to_string') else repr(value)
