"""Objects that every kernel has: a state refers to them, and finds those of the kernel it is loaded in."""

import builtins
import importlib
import sys

# Found in their modules, where those are loaded.
_IN_MODULES = (
    'sys:modules',
    'sys:path',
    'sys:argv',
    'sys:flags',
    'sys:version_info',
    'os:environ',
    'os:environb',
    'dataclasses:MISSING',
    'dataclasses:KW_ONLY',
    'dataclasses:_HAS_DEFAULT_FACTORY',
    'dataclasses:_FIELD',
    'dataclasses:_FIELD_CLASSVAR',
    'dataclasses:_FIELD_INITVAR',
    'random:_inst',
    'logging:root',
    'logging:lastResort',
    'warnings:filters',
    'numpy.random.mtrand:_rand',
    'matplotlib:rcParams',
    'matplotlib:rcParamsDefault',
    'matplotlib.pyplot:rcParams',
    'pandas._config.config:options',
)


def names():
    """Of the anchors that this kernel has."""
    return [*_OWN, *(name for name in _IN_MODULES if name.split(':')[0] in sys.modules)]


def find(name, shell):
    """The object of that name. Raises for one that is not there."""
    if name in _OWN:
        return _OWN[name](shell)
    module, attribute = name.split(':')
    return getattr(importlib.import_module(module), attribute)


_OWN = {
    'main': lambda shell: shell.user_ns,
    'module': lambda shell: shell.user_module,
    'shell': lambda shell: shell,
    'builtins': lambda _: builtins.__dict__,
    'stdin': lambda _: sys.stdin,
    'stdout': lambda _: sys.stdout,
    'stderr': lambda _: sys.stderr,
    'stdin buffer': lambda _: getattr(sys.stdin, 'buffer', None),
    'stdout buffer': lambda _: getattr(sys.stdout, 'buffer', None),
    'stderr buffer': lambda _: getattr(sys.stderr, 'buffer', None),
    'first stdin': lambda _: sys.__stdin__,
    'first stdout': lambda _: sys.__stdout__,
    'first stderr': lambda _: sys.__stderr__,
    'in': lambda shell: shell.user_ns.get('In'),
    'out': lambda shell: shell.user_ns.get('Out'),
    'folders': lambda shell: shell.user_ns.get('_dh'),
}
