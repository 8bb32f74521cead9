"""How classes that cells make are saved: first the bare class, then its attributes, and nothing of what making one would set off."""

import abc
import contextlib
import enum
import types

from cloudpickle.cloudpickle import _BUILTIN_TYPE_NAMES, _builtin_type, _should_pickle_by_reference

# Made with the class itself, or worked out again.
_NOT_KEPT = {'__weakref__', '__dict__', '__slots__', '_abc_impl', '__abstractmethods__', '__new_member__'}
_OF_ENUMS = {
    '_member_names_',
    '_member_map_',
    '_value2member_map_',
    '_unhashable_values_',
    '_unhashable_values_map_',
    '_hashable_values_',
    '_member_type_',
    '_value_repr_',
    '_use_args_',
    '_new_member_',
    '__new__',
    '_inverted_',
    '_singles_mask_',
    '_flag_mask_',
    '_all_bits_',
    '_boundary_',
}


def reduce_class(kind):
    """NotImplemented for a class that its module has."""
    if kind is type(None) or kind is type(Ellipsis) or kind is type(NotImplemented):
        return type, ({type(None): None, type(Ellipsis): ..., type(NotImplemented): NotImplemented}[kind],)
    if kind in _BUILTIN_TYPE_NAMES:
        return _builtin_type, (_BUILTIN_TYPE_NAMES[kind],)
    if _should_pickle_by_reference(kind):
        return NotImplemented
    if issubclass(kind, enum.Enum) and hasattr(kind, '_member_map_'):
        return _reduce_enum(kind)
    arguments = (type(kind), kind.__name__, kind.__bases__, _first_names(kind))
    return make_class, arguments, _attributes(kind), None, None, set_class


def is_by_value(kind):
    """Whether a class is one of the session's own."""
    return not _should_pickle_by_reference(kind)


def _first_names(kind):
    """What a class must be made with, because it shapes its instances."""
    names = {'__module__': kind.__module__, '__qualname__': kind.__qualname__}
    if '__slots__' in vars(kind):
        names['__slots__'] = vars(kind)['__slots__']
    # A generic class is refused without.
    if '__orig_bases__' in vars(kind):
        names['__orig_bases__'] = vars(kind)['__orig_bases__']
    return names


def _attributes(kind):
    slots = vars(kind).get('__slots__', ())
    slots = {slots} if isinstance(slots, str) else set(slots)
    state = {
        name: value
        for name, value in vars(kind).items()
        if name not in _NOT_KEPT and not (name in slots and isinstance(value, types.MemberDescriptorType))
    }
    if isinstance(kind, abc.ABCMeta):
        registered, *_ = abc._get_dump(kind)
        state['_abc_registered'] = [each for reference in registered if (each := reference()) is not None]
    return state


def make_class(meta, name, bases, names):
    with _silenced(bases):
        return _maker_of(meta)(meta, name, bases, dict(names))


def set_class(kind, state):
    registered = state.pop('_abc_registered', ())
    first_line = state.pop('__firstlineno__', None)
    for name, value in state.items():
        if name in ('__module__', '__qualname__') and vars(kind).get(name) == value:
            continue
        type.__setattr__(kind, name, value)
    if first_line is not None:
        type.__setattr__(kind, '__firstlineno__', first_line)
    if isinstance(kind, abc.ABCMeta):
        abc.update_abstractmethods(kind)
        for each in registered:
            abc.ABCMeta.register(kind, each)


def _maker_of(meta):
    """The `__new__` of the first metaclass that a module has: those of cells may keep lists of what they made."""
    if meta.__module__ == 'typing' and meta.__name__ == '_TypedDictMeta':
        # It would work its attributes out again.
        return type.__new__
    for base in meta.__mro__:
        if not is_by_value(base) and '__new__' in vars(base):
            return base.__new__
    return type.__new__


@contextlib.contextmanager
def _silenced(bases):
    """No `__init_subclass__` of a cell's class runs: what it did is part of the state already."""
    found = [
        base
        for base in dict.fromkeys(each for base in bases for each in base.__mro__)
        if '__init_subclass__' in vars(base) and is_by_value(base)
    ]
    hooks = [vars(base)['__init_subclass__'] for base in found]
    for base in found:
        type.__setattr__(base, '__init_subclass__', classmethod(lambda cls, **_: None))
    try:
        yield
    finally:
        for base, hook in zip(found, hooks):
            type.__setattr__(base, '__init_subclass__', hook)


def _reduce_enum(kind):
    members = {name: _value_of(member) for name, member in kind.__members__.items()}
    state = {
        name: value
        for name, value in _attributes(kind).items()
        if name not in _OF_ENUMS and name not in members and not name.startswith('_sunder')
    }
    fields = {name: _fields_of(kind[name]) for name in kind.__members__}
    boundary = getattr(kind, '_boundary_', None)
    arguments = (type(kind), kind.__name__, kind.__bases__, members, kind.__module__, kind.__qualname__, boundary)
    return make_enum, arguments, (state, fields), None, None, set_enum


def _value_of(member):
    return member._value_


def _fields_of(member):
    return {name: value for name, value in vars(member).items() if name not in ('_name_', '_value_', '__objclass__', '_sort_order_')}


def make_enum(meta, name, bases, members, module, qualname, boundary):
    names = meta.__prepare__(name, bases)
    for key, value in members.items():
        names[key] = value
    names['__module__'], names['__qualname__'] = module, qualname
    # Members are made as plain ones: what the `__init__` of the class has set comes with their fields.
    mixed = next((base for parent in bases for base in parent.__mro__ if base not in (object,) and not issubclass(base, enum.Enum)), None)
    if mixed is None and all(not base.__dict__.get('__init__') for base in bases if is_by_value(base)):
        names['__new__'] = _plain_member
    options = {'boundary': boundary} if boundary is not None and issubclass(meta, enum.EnumMeta) and any(issubclass(b, enum.Flag) for b in bases) else {}
    with _silenced(bases):
        kind = enum.EnumMeta.__new__(meta, name, bases, names, **options)
    return kind


def _plain_member(cls, *_):
    return object.__new__(cls)


def set_enum(kind, state):
    attributes, fields = state
    first_line = attributes.pop('__firstlineno__', None)
    for name, value in attributes.items():
        if not (name in vars(kind) and name in ('__module__', '__qualname__')):
            type.__setattr__(kind, name, value)
    if first_line is not None:
        type.__setattr__(kind, '__firstlineno__', first_line)
    for name, values in fields.items():
        vars(kind[name]).update(values)
