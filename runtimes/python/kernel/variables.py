"""The variables of a kernel, for those who look at them between cells. No code of their classes runs."""

import sys
import types

_MAX_VARIABLES = 500
_MAX_NAME = 200
_MAX_PREVIEW = 80

_WORDS = {
    bool: 'yes or no',
    int: 'whole number',
    float: 'number',
    complex: 'number',
    str: 'text',
    bytes: 'bytes',
    list: 'list',
    tuple: 'tuple',
    set: 'set',
    frozenset: 'set',
    dict: 'mapping',
    type(None): 'nothing',
}
_TABLES = {
    ('pandas.core.frame', 'DataFrame'): 'table',
    ('pandas', 'DataFrame'): 'table',
    ('pandas.core.series', 'Series'): 'column',
    ('pandas', 'Series'): 'column',
    ('numpy', 'ndarray'): 'array',
    ('polars.dataframe.frame', 'DataFrame'): 'table',
}
_NO_VARIABLES = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)


def listed(shell):
    """What is known of each: {name, kind, type, shape?, preview?, bytes?}."""
    hidden = shell.user_ns_hidden
    shown = 0
    for name, value in list(shell.user_ns.items()):
        if name.startswith('_') or issubclass(type(value), _NO_VARIABLES):
            continue
        if name in hidden and hidden[name] is value or name in ('In', 'Out', 'tools', 'ToolExecutionError'):
            continue
        yield {'name': name[:_MAX_NAME], **_described(value)}
        shown += 1
        if shown == _MAX_VARIABLES:
            return


def _described(value):
    """Asks no method of a class that is not Python's own, numpy's or pandas'."""
    kind = type(value)
    words = _WORDS.get(kind)
    table = _TABLES.get((kind.__module__, kind.__name__))
    told = {'kind': words or table or 'object', 'type': f'{kind.__module__}.{kind.__qualname__}'.removeprefix('builtins.')[:_MAX_NAME]}
    if table:
        told['shape'] = [int(size) for size in value.shape][:8]
    elif kind in (list, tuple, set, frozenset, dict):
        told['preview'] = f'{len(value)} items'
    elif kind in (str, bytes):
        told['preview'] = repr(value[:_MAX_PREVIEW])
    elif words and (kind is not int or value.bit_length() < 200):
        told['preview'] = repr(value)
    if words:
        told['bytes'] = sys.getsizeof(value)
    return told
