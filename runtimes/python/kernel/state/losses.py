"""What a saved state does without: the placeholder of a lost value, and the report that names losses."""

_MAX_NAME = 256
_MAX_WORDS = 200
_MAX_KEPT = 2000
_MAX_ENTRIES = 10_000
_MAX_PARTS = 16
_MAX_REPORT = 700_000


class CannotKeep(Exception):
    """A reducer says that a value is lost, and why."""


def refuse(reason):
    """A reducer for values that are always lost."""

    def reduce(_value):
        raise CannotKeep(reason)

    return reduce


class LostError(RuntimeError):
    """A value was used that could not be kept when its sandbox ended."""


class Lost:
    """Stands for a value that could not be kept, inside one that could. Any use of it raises LostError."""

    __slots__ = ('_type', '_reason')

    def __init__(self, type_name, reason):
        object.__setattr__(self, '_type', type_name)
        object.__setattr__(self, '_reason', reason)

    def __reduce__(self):
        return Lost, (self._type, self._reason)

    def __repr__(self):
        return f'<lost: {self._type}>'

    def __getattr__(self, name):
        if name.startswith('__') and name.endswith('__'):
            raise AttributeError(name)
        _refuse(self)

    __hash__ = object.__hash__


def _refuse(lost, *_arguments):
    raise LostError(f'a {lost._type} was lost when the sandbox of this session ended ({lost._reason})')


for _name in (
    'call iter next len getitem setitem delitem contains enter exit aenter aexit await aiter anext bool int float index '
    'add sub mul truediv floordiv mod pow neg radd rsub rmul lt le gt ge setattr'
).split():
    setattr(Lost, f'__{_name}__', _refuse)
del _name


def type_name(value):
    """The name of a value's class, with its module unless that is Python's own or the session's."""
    kind = type(value)
    try:
        module, name = kind.__module__, kind.__qualname__
    except Exception:
        return 'object'
    full = name if module in ('builtins', '__main__') else f'{module}.{name}'
    return words(full)


def words(text, most=_MAX_WORDS):
    """A text in printable characters on one line."""
    line = ' '.join(str(text)[: 4 * most].split())
    return ''.join(letter if letter.isprintable() else '?' for letter in line)[:most]


def reason_of(error):
    """Why a value could not be kept, by what was raised."""
    if isinstance(error, RecursionError):
        return 'it is nested too deeply'
    if isinstance(error, MemoryError):
        return 'there is not enough memory'
    try:
        text = str(error)
    except BaseException:
        text = ''
    return words(f'{type(error).__name__}: {text}' if text else type(error).__name__)


class Report:
    """Collects what becomes of each variable, within bounds."""

    def __init__(self):
        self.kept = {}
        self.partial = {}
        self.lost = {}
        self.redefined = []
        self.ambient = []

    def keep(self, name, kind):
        self._forget(name)
        self.kept[name] = kind

    def keep_part(self, name, kind, types):
        self._forget(name)
        self.partial[name] = (kind, list(dict.fromkeys(types)))

    def lose(self, name, kind, reason):
        self._forget(name)
        self.lost[name] = (kind, reason)

    def _forget(self, name):
        for names in (self.kept, self.partial, self.lost):
            names.pop(name, None)

    def as_data(self):
        """The report in its form on the wire."""
        lost = [{'name': words(n, _MAX_NAME), 'type': words(t), 'reason': words(r)} for n, (t, r) in self.lost.items()]
        partial = [
            {'name': words(n, _MAX_NAME), 'type': words(t), 'lost': [words(part) for part in parts[:_MAX_PARTS]]}
            for n, (t, parts) in self.partial.items()
        ]
        data = {
            'variables': len(self.kept),
            'kept': [{'name': words(n, _MAX_NAME), 'type': words(t)} for n, t in list(self.kept.items())[:_MAX_KEPT]],
            'partial': partial,
            'lost': lost,
            'redefined': [words(n, _MAX_NAME) for n in self.redefined],
            'ambient': [words(n, _MAX_NAME) for n in self.ambient],
        }
        return _bounded(data)


def _bounded(data):
    """Shortens the lists of a report to what the protocol allows."""
    room, letters, left_out = _MAX_ENTRIES - 1, _MAX_REPORT, 0
    for key in ('lost', 'partial', 'redefined', 'ambient', 'kept'):
        taken = []
        for entry in data[key]:
            letters -= len(str(entry))
            if room == 0 or letters < 0:
                break
            taken.append(entry)
            room -= 1
        left_out += 0 if key == 'kept' else len(data[key]) - len(taken)
        data[key] = taken
    if left_out:
        data['lost'].append({'name': '…', 'type': '', 'reason': f'and {left_out} more'})
    return data
