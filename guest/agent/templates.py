"""What a zygote has imported and exercised before its first fork."""

import gc
import glob
import importlib
import importlib.util
import os
import sys

from . import forks, pages

_RUNTIMES = '/opt/dragoman/runtimes'


class Template:
    """Warm modules, and how to touch what a first use would touch."""

    def __init__(self, warm):
        self._warm = warm
        self._pages = []

    def learn(self):
        """Before the first fork: finds out which pages the usual first calls write to."""
        if self._warm:
            self._pages = pages.written_by(self._exercise)

    def warm(self):
        """In a fork: has what the usual first calls write to copied ahead of them."""
        pages.take(self._pages)

    def _exercise(self):
        gc.enable()
        self.reseed(os.urandom(32))
        self._warm()

    def reseed(self, seed=None):
        """Gives a fresh fork, in which libraries are used or code of a user will run, its own random numbers and whatever else is not
        to be shared.

        numpy and OpenSSL have no fork hooks: both believe that nothing happened, OpenSSL because it compares process ids and every
        sandbox is pid 1. `seed`: random bytes, for `random`; asking the kernel through the C library costs pages.
        """
        forks.after_fork(seed)
        _reseed_libraries()


def renew():
    """Gives a process of the user's that is a copy of another one random numbers of its own."""
    if 'random' in sys.modules:
        sys.modules['random'].seed()
    if 'torch' in sys.modules:
        sys.modules['torch'].seed()
    _reseed_libraries()


def _reseed_libraries():
    if 'numpy.random' in sys.modules:
        sys.modules['numpy.random'].seed()
    if 'ssl' in sys.modules:
        sys.modules['ssl'].RAND_add(os.urandom(32), 32.0)
    if 'tempfile' in sys.modules:
        sys.modules['tempfile']._name_sequence = None
    if 'multiprocessing' in sys.modules:
        sys.modules['multiprocessing'].current_process().authkey = os.urandom(32)


def load(imports, warm):
    """Imports modules by name; `warm` is None or the path of a file whose `warm()` exercises them.

    What is not imported here is compiled again by every program, because nothing may be written next to its source.
    """
    with forks.watched():
        return _load(imports, warm)


def prepare(parked):
    """Makes ready the modules that forks become. They may change how libraries work, also those that are imported later."""
    with forks.watched():
        for name in parked:
            importlib.import_module(name).prepare()


def _load(imports, warm):
    _find_languages()
    for name in imports:
        importlib.import_module(name)
    function = None
    if warm:
        spec = importlib.util.spec_from_file_location('dragoman_warm', warm)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        function = module.warm
        function()
    if 'ssl' in sys.modules:
        sys.modules['ssl'].RAND_bytes(8)  # OpenSSL's start costs 3 ms and 600 page faults in whichever process it happens
    return Template(function)


def _find_languages():
    """Makes the folder `kernel` of a language that is a package of Python importable, as `dragoman_<language>`."""
    for path in glob.glob(f'{_RUNTIMES}/*/kernel/__init__.py'):
        name = f'dragoman_{path.split("/")[-3]}'
        if name in sys.modules:
            continue  # From the zygote that this one is derived from.
        spec = importlib.util.spec_from_file_location(name, path)
        package = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(package)
