"""How functions, their cells and their code are saved: a function of a cell lives in the names of the kernel it is loaded in."""

import importlib
import marshal
import sys
import types

from cloudpickle.cloudpickle import _extract_code_globals, _lookup_module_and_qualname

_ATTRIBUTES = ('__qualname__', '__module__', '__doc__', '__defaults__', '__kwdefaults__', '__annotations__', '__type_params__')


class Globals:
    """Whose globals the session itself can see; of all others only what functions use is saved. One a dump."""

    def __init__(self, values):
        """`values`: those of the session's variables."""
        # Modules that cells have made, and mappings, by the identity of the names.
        self.modules = {id(vars(each)): each for each in values if type(each) is types.ModuleType and not _is_loaded(each)}
        self.visible = {id(each) for each in values if type(each) is dict}
        # For each other mapping the one that stands for it.
        self.partial = {}


# Set before a dump.
known = Globals(())


def _is_loaded(module):
    return sys.modules.get(module.__name__) is module



def reduce_function(function):
    """NotImplemented for a function that its module has."""
    if _is_of_module(function):
        return NotImplemented
    state = {name: getattr(function, name) for name in _ATTRIBUTES}
    if vars(function):
        state['__dict__'] = vars(function)
    names = _names_of(function)
    if names is function.__globals__ and id(names) not in known.visible and names.get('__name__') != '__main__':
        names = known.partial.setdefault(id(names), {'__name__': names.get('__name__')})
        state['__globals__'] = {name: function.__globals__[name] for name in _used(function) if name in function.__globals__}
    arguments = (function.__code__, names, function.__name__, function.__closure__)
    return make_function, arguments, state, None, None, set_function


def make_function(code, names, name, closure):
    if isinstance(names, str):
        names = importlib.import_module(names).__dict__
    elif isinstance(names, types.ModuleType):
        names = vars(names)
    return types.FunctionType(code, names, name, None, closure)


def set_function(function, state):
    function.__dict__.update(state.pop('__dict__', {}))
    function.__globals__.update(state.pop('__globals__', {}))
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
    """The globals of a function: the name of the module they are of, a module that cells have made, or the mapping itself."""
    names = function.__globals__
    module = names.get('__name__')
    if isinstance(module, str) and module != '__main__' and getattr(sys.modules.get(module), '__dict__', None) is names:
        return module
    return known.modules.get(id(names), names)


def _used(function):
    return [name for name in _extract_code_globals(function.__code__) if name != '__builtins__']


def reduce_module(module):
    """A module that cells have made comes with its names; any other is imported."""
    if _is_loaded(module) or id(vars(module)) not in known.modules:
        return importlib.import_module, (module.__name__,)
    names = {name: value for name, value in vars(module).items() if name != '__builtins__'}
    return types.ModuleType, (module.__name__,), names, None, None, set_module


def set_module(module, names):
    vars(module).update(names)
