"""One pickler for all variables of a kernel: what they share is saved once. A value that cannot be saved is replaced by a `Lost`."""

import copyreg
import pickle
import sys
import types

import cloudpickle

from . import anchors, arrays, classes, containers, files, foreign, functions, singletons, threads
from .losses import CannotKeep, Lost, reason_of, type_name

# By class, exactly; then, by the name of a class, also those derived from it.
_EXACT = {
    types.FunctionType: functions.reduce_function,
    types.CodeType: functions.reduce_code,
    types.CellType: functions.reduce_cell,
    types.ModuleType: functions.reduce_module,
    **containers.EXACT,
    **files.EXACT,
    **threads.EXACT,
}
_DERIVED = {**containers.DERIVED, **arrays.DERIVED, **threads.DERIVED, **foreign.DERIVED, **files.DERIVED}
_BY_NAME = {**arrays.EXACT, **foreign.EXACT}


class StatePickler(cloudpickle.Pickler):
    def __init__(self, writer, shell):
        super().__init__(writer, protocol=5, buffer_callback=writer.take)
        self._how = {}
        # [(type, reason)] of the values replaced since a variable was begun, and all of them by identity.
        self.losses = []
        self.lost = {}
        self.anchors = []
        memo = {}
        for name in anchors.names():
            try:
                value = anchors.find(name, shell)
            except Exception:
                continue
            if value is not None and id(value) not in memo:
                memo[id(value)] = (len(memo), value)
                self.anchors.append(name)
        self.memo = memo
        functions.known = functions.Globals(list(shell.user_ns.values()))

    def reducer_override(self, value):
        kind = type(value)
        how = self._how.get(kind)
        if how is None:
            how = self._how[kind] = _way_of(kind)
        try:
            made = how(value)
            if type(made) is str and made.split('.')[0] != value.__class__.__name__:
                made = self._checked_name(value, made)
        except (MemoryError, RecursionError):
            raise
        except CannotKeep as error:
            return self._lose(value, str(error))
        except BaseException as error:
            return self._lose(value, reason_of(error))
        return made

    def _checked_name(self, value, name):
        """A value that says it is found by a name of its module must be."""
        module = pickle.whichmodule(value, name)
        found = sys.modules.get(module)
        for part in name.split('.'):
            found = getattr(found, part, None)
        if module == '__main__' or found is not value:
            raise CannotKeep(f'it is not {module}.{name}')
        return name

    def _lose(self, value, reason):
        kind = type_name(value)
        self.losses.append((kind, reason))
        self.lost[id(value)] = value, kind, reason
        return Lost, (kind, reason)


def _way_of(kind):
    """The function that reduces values of a class."""
    if issubclass(kind, type):
        return classes.reduce_class
    if kind in _EXACT:
        return _EXACT[kind]
    name = f'{kind.__module__}.{kind.__qualname__}'
    if name in _BY_NAME:
        return _BY_NAME[name]
    for base in kind.__mro__:
        how = _DERIVED.get(f'{base.__module__}.{base.__qualname__}')
        if how is not None:
            return how
    table = cloudpickle.Pickler.dispatch_table.get(kind) or copyreg.dispatch_table.get(kind)
    if table is not None:
        return table
    return _reduce_by_itself


def _reduce_by_itself(value):
    if id(value) in singletons.imported:
        return singletons.reference(value, False) or value.__reduce_ex__(5)
    made = value.__reduce_ex__(5)
    if type(made) is not tuple or made[0] is not copyreg.__newobj__:
        return made
    kind, *arguments = made[1]
    if not arguments and (len(made) < 3 or made[2] is None):
        found = singletons.reference(value, True)
        if found:
            return found
    if kind is type(value) and kind.__new__ is not object.__new__ and classes.is_by_value(kind):
        # Its own `__new__` need not take what it has made.
        base = next(base for base in kind.__mro__ if not classes.is_by_value(base))
        arguments = base.__getnewargs__(value) if hasattr(base, '__getnewargs__') else ()
        return base.__new__, (kind, *arguments), *made[2:]
    return made
