"""Reducers for what Python itself has: views, weak references, caches, exceptions, matches, names of types."""

import collections
import contextvars
import functools
import gc
import json
import json.scanner
import re
import struct
import types
import typing
import weakref

from .classes import is_by_value
from .losses import CannotKeep, refuse


def _reduce_view(view):
    mapping = next(each for each in gc.get_referents(view) if isinstance(each, dict))
    return make_view, (mapping, type(view).__name__.removeprefix('odict_').removeprefix('dict_'))


def make_view(mapping, name):
    return getattr(mapping, name)()


def _reduce_proxy(proxy):
    (mapping,) = gc.get_referents(proxy)
    if isinstance(mapping, dict) and isinstance(mapping.get('__dict__'), types.GetSetDescriptorType):
        return vars, (mapping['__dict__'].__objclass__,)
    return types.MappingProxyType, (mapping,)


def _reduce_weak(reference):
    value = reference()
    if value is None:
        return make_dead, ()
    callback = reference.__callback__
    return type(reference), (value,) if callback is None else (value, callback)


class _Gone:
    pass


def make_dead():
    return weakref.ref(_Gone())


def _reduce_weak_mapping(mapping):
    return type(mapping), (), None, None, iter(list(mapping.items()))


def _reduce_weak_set(values):
    return type(values), (list(values),)


def _reduce_proxy_of_weak(proxy):
    raise CannotKeep('a weak proxy')


def _reduce_finalizer(finalizer):
    found = finalizer.peek()
    if found is None:
        raise CannotKeep('it has done its work')
    return make_finalizer, found, finalizer.atexit, None, None, set_finalizer


def make_finalizer(value, function, arguments, keywords):
    return weakref.finalize(value, function, *arguments, **keywords)


def set_finalizer(finalizer, at_exit):
    finalizer.atexit = at_exit


def _reduce_cache(cache):
    if not hasattr(cache, '__wrapped__'):
        raise CannotKeep('a cache of a function that is not known')
    if not is_of_session(cache.__wrapped__):
        return cache.__qualname__
    settings = cache.cache_parameters()
    state = {name: value for name, value in vars(cache).items() if name != '__wrapped__'}
    return make_cache, (cache.__wrapped__, settings['maxsize'], settings['typed']), state, None, None, set_cache


def is_of_session(function):
    return getattr(function, '__module__', None) == '__main__' or '<locals>' in getattr(function, '__qualname__', '')


def make_cache(function, size, typed):
    return functools.lru_cache(size, typed)(function)


def set_cache(cache, state):
    vars(cache).update(state)


def _reduce_match(match):
    arguments = match.re, match.string, match.pos, match.endpos, match.start(), match.regs
    find_match(*arguments)
    return find_match, arguments


def find_match(pattern, text, position, end, start, regions):
    for method in (pattern.search, pattern.match, pattern.fullmatch):
        found = method(text, position, end)
        if found is not None and found.regs == regions:
            return found
    for method in (pattern.match, pattern.search):
        found = method(text, start, end)
        if found is not None and found.regs == regions:
            return found
    raise ValueError('the match is not found again')


def _reduce_error(error):
    kind = type(error)
    links = error.__cause__, error.__context__, error.__suppress_context__
    own = kind.__reduce__ in (BaseException.__reduce__, OSError.__reduce__) and kind.__reduce_ex__ is object.__reduce_ex__
    if own and is_by_value(kind):
        # Its class may ask for other arguments than it passes on.
        return make_error, (kind, error.args), (dict(vars(error)), links), None, None, set_error
    made = error.__reduce_ex__(5)
    if not any(links) or len(made) > 3 or (len(made) == 3 and type(made[2]) is not dict):
        return made
    return made[0], made[1], (made[2] if len(made) == 3 else {}, links), None, None, set_error


def make_error(kind, arguments):
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    return error


def set_error(error, state):
    fields, links = state
    vars(error).update(fields)
    error.__cause__, error.__context__, error.__suppress_context__ = links


def _reduce_context_variable(variable):
    missing = object()
    value = variable.get(missing)
    try:
        default = (contextvars.Context().run(variable.get),)
    except LookupError:
        default = ()
    state = None if value is missing or (default and default[0] is value) else (value,)
    return make_context_variable, (variable.name, default), state, None, None, set_context_variable


def make_context_variable(name, default):
    return contextvars.ContextVar(name, default=default[0]) if default else contextvars.ContextVar(name)


def set_context_variable(variable, state):
    variable.set(state[0])


def _reduce_new_type(made):
    if made.__module__ != '__main__':
        return made.__reduce__()
    return make_new_type, (made.__name__, made.__supertype__, made.__module__)


def make_new_type(name, kind, module):
    made = typing.NewType(name, kind)
    made.__module__ = module
    return made


def _reduce_alias(alias):
    if alias.__module__ != '__main__':
        return alias.__reduce__()
    return make_alias, (alias.__name__, alias.__value__, alias.__type_params__)


def make_alias(name, value, parameters):
    return typing.TypeAliasType(name, value, type_params=parameters)


def _reduce_parameters(parameter):
    return type(parameter), (parameter.__name__,)


def _reduce_struct(made):
    return type(made), (made.format,)


def _reduce_decoder(decoder):
    state = {name: value for name, value in vars(decoder).items() if name != 'scan_once'}
    return object.__new__, (type(decoder),), state, None, None, set_decoder


def set_decoder(decoder, state):
    vars(decoder).update(state)
    decoder.scan_once = json.scanner.make_scanner(decoder)


def _reduce_descriptor(descriptor):
    """A slot of a class: found there again."""
    return getattr, (descriptor.__objclass__, descriptor.__name__)


def _reduce_memory(view):
    """A view of bytes goes on sharing them."""
    base = view.obj
    if not view.contiguous or base is None:
        raise CannotKeep('a view of memory with gaps')
    whole = memoryview(base)
    if whole.nbytes == view.nbytes:
        start = 0
    else:
        import numpy

        start = numpy.frombuffer(view.cast('B'), 'u1').ctypes.data - numpy.frombuffer(whole.cast('B'), 'u1').ctypes.data
    return make_memory, (base, start, view.nbytes, view.format, list(view.shape), view.readonly)


def make_memory(base, start, size, form, shape, is_readonly):
    view = memoryview(base).cast('B')[start : start + size]
    view = view.cast(form) if len(shape) == 1 else view.cast(form, shape)
    return view.toreadonly() if is_readonly else view


_running = refuse('it is code in the middle of its run')

EXACT = {
    type({}.keys()): _reduce_view,
    type({}.values()): _reduce_view,
    type({}.items()): _reduce_view,
    type(collections.OrderedDict().keys()): _reduce_view,
    type(collections.OrderedDict().values()): _reduce_view,
    type(collections.OrderedDict().items()): _reduce_view,
    types.MappingProxyType: _reduce_proxy,
    weakref.WeakKeyDictionary: _reduce_weak_mapping,
    weakref.WeakValueDictionary: _reduce_weak_mapping,
    weakref.WeakSet: _reduce_weak_set,
    weakref.finalize: _reduce_finalizer,
    weakref.ProxyType: _reduce_proxy_of_weak,
    weakref.CallableProxyType: _reduce_proxy_of_weak,
    functools._lru_cache_wrapper: _reduce_cache,
    re.Match: _reduce_match,
    memoryview: _reduce_memory,
    contextvars.ContextVar: _reduce_context_variable,
    types.MemberDescriptorType: _reduce_descriptor,
    types.GetSetDescriptorType: _reduce_descriptor,
    struct.Struct: _reduce_struct,
    typing.NewType: _reduce_new_type,
    typing.TypeAliasType: _reduce_alias,
    typing.ParamSpec: _reduce_parameters,
    typing.TypeVarTuple: _reduce_parameters,
    types.GeneratorType: _running,
    types.CoroutineType: _running,
    types.AsyncGeneratorType: _running,
    types.FrameType: _running,
    types.TracebackType: refuse('it holds code in the middle of its run'),
}
DERIVED = {
    'json.decoder.JSONDecoder': _reduce_decoder,
    'builtins.BaseException': _reduce_error, 'weakref.ReferenceType': _reduce_weak, 'builtins.ReferenceType': _reduce_weak,
}
