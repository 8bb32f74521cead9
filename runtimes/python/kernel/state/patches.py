"""What cells did to modules, as their text tells it: attributes they assigned, and modules that they imported by a dotted name."""

import ast
import importlib
import sys
import types

from . import singletons
from .classes import is_by_value


def take_patches(shell):
    """[(module, path of attributes, value)]: what cells have assigned to attributes of modules, and of what modules have."""
    found = {}
    for tree in trees(shell):
        for node in ast.walk(tree):
            for target in _targets(node):
                patch = _patched(shell, target)
                if patch:
                    found[patch[:2]] = patch[2]
    return [(*place, value) for place, value in found.items()] or None


def trees(shell):
    """The cells that Python can read, as trees."""
    for cell in shell.user_ns.get('In', ()):
        try:
            yield ast.parse(cell)
        except (SyntaxError, ValueError, RecursionError):
            pass


def _targets(node):
    if isinstance(node, ast.Assign):
        yield from node.targets
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
        yield node.target
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'setattr' and len(node.args) == 3:
        owner, name, _ = node.args
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield ast.Attribute(owner, name.value)


def _patched(shell, target):
    """(module, path, value) where an assignment went to a module, or to what a module has, and not to the session's own."""
    names = []
    while isinstance(target, ast.Attribute):
        names.insert(0, target.attr)
        target = target.value
    if not names or not isinstance(target, ast.Name):
        return None
    owner = shell.user_ns.get(target.id)
    module, path = _place_of(owner)
    if module is None:
        return None
    for name in names[:-1]:
        owner = getattr(owner, name, None)
        if isinstance(owner, types.ModuleType) or isinstance(owner, type):
            module, path = _place_of(owner)
            if module is None:
                return None
        else:
            path = (*path, name)
    if isinstance(owner, (types.ModuleType, type)):
        return (module, (*path, names[-1]), vars(owner)[names[-1]]) if names[-1] in vars(owner) else None
    return module, (*path, names[-1]), getattr(owner, names[-1])


def _place_of(owner):
    """(module, path in it) of a module, of a class that is not the session's own, or of an object that a cell imported by its name."""
    if isinstance(owner, types.ModuleType):
        is_library = sys.modules.get(owner.__name__) is owner and owner.__name__ != '__main__'
        return (owner.__name__, ()) if is_library else (None, ())
    if isinstance(owner, type):
        return (None, ()) if is_by_value(owner) else (owner.__module__, tuple(owner.__qualname__.split('.')))
    found = singletons.imported.get(id(owner))
    return (found[1], (found[2],)) if found else (None, ())


def give_patches(_, kept):
    for module, path, value in kept:
        owner = importlib.import_module(module)
        for name in path[:-1]:
            owner = getattr(owner, name)
        setattr(owner, path[-1], value)


def take_imports(shell):
    """Modules below those that variables name: `import a.b` leaves only `a`."""
    found = {}
    for tree in trees(shell):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found.update((alias.name, None) for alias in node.names if '.' in alias.name and alias.name in sys.modules)
    return list(found) or None


def give_imports(_, kept):
    for name in kept:
        try:
            importlib.import_module(name)
        except Exception:
            pass  # The variable that needs it is lost by its name.
