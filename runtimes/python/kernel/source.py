"""Code as a program of Python: compiled as it stands; code of a notebook, which Python alone refuses, is taken as a cell takes it."""

import textwrap
# Of `ast`, which every fork would copy.
from _ast import PyCF_ALLOW_TOP_LEVEL_AWAIT

# Of a program that awaits outside of functions, the code object is a coroutine.
_FLAGS = PyCF_ALLOW_TOP_LEVEL_AWAIT


def compiled(text, path):
    """A code object; it is awaited where it has `inspect.CO_COROUTINE`. Raises SyntaxError about the text as it stands."""
    try:
        return compile(text, path, 'exec', dont_inherit=True)
    except SyntaxError as error:
        # Without the context of the attempts that follow.
        refusal = error
    for adapted in (_dedented, _for_ipython):
        try:
            text = adapted(text)
            return compile(text, path, 'exec', _FLAGS, dont_inherit=True)
        except SyntaxError:
            pass
    raise refusal


def _dedented(text):
    """Code that is indented as a whole."""
    return textwrap.dedent(text)


def _for_ipython(text):
    """Magics and shell commands become calls of get_ipython()."""
    if not any(mark in text for mark in '%!?'):
        raise SyntaxError
    from . import notebook

    return notebook.get_ipython().transform_cell(text)
