"""How functions, their cells and their code are saved: a function of a cell lives in the names of the kernel it is loaded in."""

import importlib
import marshal
import sys
import types

from cloudpickle.cloudpickle import _lookup_module_and_qualname

_ATTRIBUTES = ('__qualname__', '__module__', '__doc__', '__defaults__', '__kwdefaults__', '__annotations__', '__type_params__')
_EMPTY = object()


def reduce_function(function):
    """NotImplemented for a function that its module has."""
    if _is_of_module(function):
        return NotImplemented
    state = {name: getattr(function, name) for name in _ATTRIBUTES}
    if vars(function):
        state['__dict__'] = vars(function)
    arguments = (function.__code__, _names_of(function), function.__name__, function.__closure__)
    return make_function, arguments, state, None, None, set_function


def make_function(code, names, name, closure):
    if isinstance(names, str):
        names = importlib.import_module(names).__dict__
    return types.FunctionType(code, names, name, None, closure)


def set_function(function, state):
    function.__dict__.update(state.pop('__dict__', {}))
    for name, value in state.items():
        setattr(function, name, value)


def reduce_code(code):
    return marshal.loads, (marshal.dumps(code),)


def reduce_cell(cell):
    """The cell is made empty and filled later, so that all functions that share it still do."""
    try:
        state = (cell.cell_contents,)
    except ValueError:
        return types.CellType, ()
    return types.CellType, (), state, None, None, set_cell


def set_cell(cell, state):
    (cell.cell_contents,) = state


def _is_of_module(function):
    found = _lookup_module_and_qualname(function)
    if found is None:
        return False
    module, _ = found
    return module.__name__ in sys.modules


def _names_of(function):
    """The globals of a function: the name of the module they are of, or the mapping itself."""
    names = function.__globals__
    module = names.get('__name__')
    if isinstance(module, str) and module != '__main__' and getattr(sys.modules.get(module), '__dict__', None) is names:
        return module
    return names
