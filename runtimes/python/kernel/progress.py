"""tqdm's bar for notebooks is a widget, and no client of ours draws widgets: code that imports it gets the bar of text."""

import importlib.machinery
import sys

_NAME = 'tqdm.notebook'


class _Finder:
    """Finds `tqdm.notebook` before the import path does, and answers for nothing else."""

    @classmethod
    def find_spec(cls, name, _path=None, _target=None):
        if name != _NAME:
            return None
        return importlib.machinery.ModuleSpec(name, cls)

    @staticmethod
    def create_module(_spec):
        return None

    @staticmethod
    def exec_module(module):
        from tqdm import std

        module.tqdm = module.tqdm_notebook = std.tqdm
        module.trange = module.tnrange = std.trange


def take_over():
    sys.meta_path.insert(0, _Finder)
