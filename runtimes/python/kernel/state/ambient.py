"""What a session has set beside its variables: folder, environment, import path, random numbers, settings of libraries.

Each part is {take, give}: `take(shell)` returns what to keep or None, `give(shell, kept)` sets it in another kernel. Both run where
the library is loaded already; what a kernel has had from its start is not kept.
"""

import builtins
import importlib
import linecache
import os
import signal
import sys
import types

from ..errors import CELL
from . import patches
from .beginning import first, signals


def _loaded(name):
    return sys.modules.get(name)


# --- The process


def _take_environ(_):
    now, before = dict(os.environ), first['environ']
    changed = {name: value for name, value in now.items() if before.get(name) != value}
    gone = [name for name in before if name not in now]
    return (changed, gone) if changed or gone else None


def _give_environ(_, kept):
    changed, gone = kept
    for name in gone:
        os.environ.pop(name, None)
    os.environ.update(changed)
    if 'TZ' in changed or 'TZ' in gone:
        import time

        time.tzset()


def _take_path(_):
    return list(sys.path) if sys.path != first['path'] else None


def _give_path(_, kept):
    sys.path[:] = kept


def _take_folder(_):
    return os.getcwd()


def _give_folder(_, kept):
    os.chdir(kept)


def _take_process(_):
    mask = os.umask(0o022)
    os.umask(mask)
    return {
        'mask': mask,
        'recursion': sys.getrecursionlimit(),
        'digits': sys.get_int_max_str_digits(),
        'argv': list(sys.argv),
    }


def _give_process(_, kept):
    os.umask(kept['mask'])
    sys.setrecursionlimit(kept['recursion'])
    sys.set_int_max_str_digits(kept['digits'])
    sys.argv[:] = kept['argv']


def _take_signals(_):
    now = {number: signal.getsignal(number) for number in signals()}
    return {int(number): handler for number, handler in now.items() if handler != first['signals'][number]} or None


def _give_signals(_, kept):
    for number, handler in kept.items():
        signal.signal(number, handler)


def _take_locale(_):
    module = _loaded('locale')
    return module.setlocale(module.LC_ALL) if module else None


def _give_locale(_, kept):
    import locale

    if locale.setlocale(locale.LC_ALL) != kept:
        locale.setlocale(locale.LC_ALL, kept)


# --- The standard library


def _take_warnings(_):
    import warnings

    return list(warnings.filters)


def _give_warnings(_, kept):
    import warnings

    warnings.filters[:] = kept
    warnings._filters_mutated()


def _take_decimal(_):
    module = _loaded('decimal')
    return module.getcontext().copy() if module else None


def _give_decimal(_, kept):
    import decimal

    decimal.setcontext(kept)


def _take_random(_):
    module = _loaded('random')
    return module.getstate() if module else None


def _give_random(_, kept):
    import random

    random.setstate(kept)


def _take_logging(_):
    logging = _loaded('logging')
    if not logging:
        return None
    loggers = {'': logging.root}
    loggers.update((name, each) for name, each in logging.root.manager.loggerDict.items() if isinstance(each, logging.Logger))
    kept = {
        name: (each.level, each.disabled, each.propagate, list(each.handlers), list(each.filters))
        for name, each in loggers.items()
        if each.level or each.disabled or not each.propagate or each.handlers or each.filters
    }
    return kept, logging.root.manager.disable


def _give_logging(_, kept):
    import logging

    loggers, disabled = kept
    logging.disable(disabled)
    for name, (level, is_disabled, propagates, handlers, filters) in loggers.items():
        logger = logging.getLogger(name) if name else logging.root
        logger.setLevel(level)
        logger.disabled, logger.propagate = is_disabled, propagates
        logger.handlers[:], logger.filters[:] = handlers, filters


def _take_timeout(_):
    module = _loaded('socket')
    return module.getdefaulttimeout() if module else None


def _give_timeout(_, kept):
    import socket

    socket.setdefaulttimeout(kept)


# --- Libraries


def _take_numpy_random(_):
    module = _loaded('numpy.random')
    return module.get_state() if module else None


def _give_numpy_random(_, kept):
    import numpy

    numpy.random.set_state(kept)


def _take_numpy(_):
    module = _loaded('numpy')
    return (module.get_printoptions(), module.geterr()) if module else None


def _give_numpy(_, kept):
    import numpy

    options, errors = kept
    now = numpy.get_printoptions()
    numpy.set_printoptions(**{name: value for name, value in options.items() if now.get(name) != value})
    numpy.seterr(**errors)


def _take_pandas(_):
    config = _loaded('pandas._config.config')
    if not config:
        return None
    kept = {}
    for name in config._registered_options:
        if name not in config._deprecated_options:
            value = config.get_option(name)
            if value != config._registered_options[name].defval:
                kept[name] = value
    return kept


def _give_pandas(_, kept):
    import pandas

    for name, value in kept.items():
        if pandas.get_option(name) != value:
            pandas.set_option(name, value)


def _take_matplotlib(_):
    module = _loaded('matplotlib')
    if not module:
        return None
    defaults = module.rcParamsDefault
    return {name: value for name, value in dict.items(module.rcParams) if name != 'backend' and dict.get(defaults, name) != value}


def _give_matplotlib(_, kept):
    import matplotlib

    matplotlib.rcParams.update(kept)


def _take_sklearn(_):
    module = _loaded('sklearn')
    return module.get_config() if module else None


def _give_sklearn(_, kept):
    import sklearn

    sklearn.set_config(**{name: value for name, value in kept.items() if name in sklearn.get_config()})


def _take_torch(_):
    torch = _loaded('torch')
    return (torch.get_rng_state().numpy(), str(torch.get_default_dtype()), torch.is_grad_enabled()) if torch else None


def _give_torch(_, kept):
    import torch

    state, dtype, is_enabled = kept
    torch.set_rng_state(torch.from_numpy(state))
    torch.set_default_dtype(getattr(torch, dtype.removeprefix('torch.')))
    torch.set_grad_enabled(is_enabled)


# --- The notebook


def _take_cells(shell):
    cells = {name: entry[2] for name, entry in linecache.cache.items() if name.startswith(CELL) and len(entry) > 2}
    return shell.execution_count, list(shell.user_ns.get('In', ())), cells


def _give_cells(shell, kept):
    shell.execution_count, inputs, cells = kept
    shell.user_ns['In'][:] = inputs
    for name, lines in cells.items():
        entry = sum(map(len, lines)), None, lines, name
        # IPython keeps entries that have no file in a table of its own.
        linecache.cache[name] = entry
        getattr(linecache, '_ipython_cache', {})[name] = entry
        shell.compile._filename_map[name] = name


def _take_shell(shell):
    formatter = shell.display_formatter.formatters['text/plain']
    return {'float_precision': formatter.float_precision, 'pprint': formatter.pprint} if formatter.float_precision or not formatter.pprint else None


def _give_shell(shell, kept):
    formatter = shell.display_formatter.formatters['text/plain']
    formatter.float_precision, formatter.pprint = kept['float_precision'], kept['pprint']


def _take_builtins(_):
    added = {name: value for name, value in vars(builtins).items() if name not in first['builtins'] and name != '_'}
    return added or None


def _give_builtins(_, kept):
    vars(builtins).update(kept)


def _take_own_modules(_):
    """{module: its plain values}: what the session's own files have in their names by now."""
    found = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, '__file__', None)
        if isinstance(path, str) and path.startswith('/mnt/data/') and name not in ('__main__', 'builtins'):
            found[name] = {
                key: value
                for key, value in vars(module).items()
                if not key.startswith('__') and not isinstance(value, (types.ModuleType, types.FunctionType, type))
            }
    return found or None


def _give_own_modules(_, kept):
    for name, values in kept.items():
        vars(importlib.import_module(name)).update(values)


# Set before the variables are loaded, and after.
BEFORE = {
    'environ': (_take_environ, _give_environ),
    'path': (_take_path, _give_path),
    'folder': (_take_folder, _give_folder),
    'imports': (patches.take_imports, patches.give_imports),
    'cells': (_take_cells, _give_cells),
}
AFTER = {
    'modules': (_take_own_modules, _give_own_modules),
    'patches': (patches.take_patches, patches.give_patches),
    'builtins': (_take_builtins, _give_builtins),
    'process': (_take_process, _give_process),
    'signals': (_take_signals, _give_signals),
    'locale': (_take_locale, _give_locale),
    'warnings': (_take_warnings, _give_warnings),
    'decimal': (_take_decimal, _give_decimal),
    'logging': (_take_logging, _give_logging),
    'timeout': (_take_timeout, _give_timeout),
    'shell': (_take_shell, _give_shell),
    'numpy': (_take_numpy, _give_numpy),
    'pandas': (_take_pandas, _give_pandas),
    'matplotlib': (_take_matplotlib, _give_matplotlib),
    'sklearn': (_take_sklearn, _give_sklearn),
    'numpy.random': (_take_numpy_random, _give_numpy_random),
    'torch': (_take_torch, _give_torch),
    'random': (_take_random, _give_random),
}
ALL = {**BEFORE, **AFTER}
