"""The import path of a program, and things to do when a module has been imported, now or later."""

import importlib.machinery
import sys


def import_from(folder):
    """The import path of a program: its folder, then the image."""
    sys.path[:] = [folder, *sys.path]


def after_import(name, action):
    """Calls `action(module)` once the module is there; at once if it is. What fails in it is passed over."""
    module = sys.modules.get(name)
    if module is not None:
        _do(action, module)
    else:
        _Finder.actions.setdefault(name, []).append(action)
        if _Finder not in sys.meta_path:
            sys.meta_path.insert(0, _Finder)


def _do(action, module):
    try:
        action(module)
    except Exception:
        pass  # Another version of the module than the one we know.


class _Finder:
    """Finds the modules that are waited for, as the import path does, and nothing else."""

    actions = {}

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        actions = cls.actions.pop(name, None)
        if actions is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, actions)
        return spec


class _Loader:
    def __init__(self, usual, actions):
        self._usual = usual
        self._actions = actions

    def __getattr__(self, name):
        return getattr(self._usual, name)

    def create_module(self, spec):
        return self._usual.create_module(spec)

    def exec_module(self, module):
        module.__loader__ = module.__spec__.loader = self._usual
        self._usual.exec_module(module)
        for action in self._actions:
            _do(action, module)
