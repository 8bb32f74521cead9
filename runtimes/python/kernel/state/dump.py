"""Writes all variables of a kernel as one body: a record each on one memo, and an index that says where each is."""

import gc
from json import dumps
import re
import types

from . import ambient, patches, singletons
from .body import TooLarge, Writer
from .losses import Report, reason_of, type_name
from .pickler import StatePickler

# IPython's history of cells and their values.
_HISTORY = re.compile(r'_(?:i*|i?\d+|__?|oh|ih|dh)$|In$|Out$')
# Every kernel has its own.
_OF_THE_KERNEL = {
    *('In', 'Out', '_oh', '_ih', '_dh', '__builtin__', '__builtins__', '__name__', '__doc__', '__package__', '__loader__', '__spec__'),
    *('tools', 'ToolExecutionError'),
}
_MOST_LOOKED_AT = 200_000


class Entry:
    """One record: a variable, or a part of the ambient state with its name after "@"."""

    def __init__(self, name, value):
        self.name = name
        self.value = value
        self.type = type_name(value)
        self.is_history = bool(_HISTORY.match(name))

    @property
    def is_told(self):
        """Whether the report names it."""
        return not (self.name.startswith('@') or self.is_history or isinstance(self.value, types.ModuleType))


class Dump:
    """What was written, as `load` takes it, and the report."""

    def __init__(self, index, content, buffers, report):
        self.index = index
        self.content = content
        self.buffers = buffers
        self.report = report

    def body(self):
        """The parts of the body, for the stream."""
        index = dumps(self.index).encode()
        return [len(index).to_bytes(8, 'big'), index, self.content]


def entries_of(shell, tools):
    """The records to write, in order. `tools`: whether a value is a tool of the caller's."""
    singletons.note_imports(patches.trees(shell), shell.user_ns)
    parts = {}
    for name, (take, _) in ambient.ALL.items():
        try:
            parts[name] = take(shell)
        except Exception as error:
            parts[name] = error
    early = [Entry(f'@{name}', parts[name]) for name in ambient.BEFORE if parts[name] is not None]
    late = [Entry(f'@{name}', parts[name]) for name in ambient.AFTER if parts[name] is not None]
    hidden = shell.user_ns_hidden
    own = [
        Entry(name, value)
        for name, value in list(shell.user_ns.items())
        if isinstance(name, str)
        and not (name in hidden and hidden[name] is value)
        and name not in _OF_THE_KERNEL
        and not tools(value)
    ]
    outputs = shell.user_ns.get('Out')
    if outputs:
        late.insert(0, Entry('@outputs', dict(outputs)))
    return [*early, *own, *late]


def dump(shell, entries, known_lost, most, progress):
    """Writes the entries but for those in `known_lost`, {name: reason}; `progress(number)` is called before each."""
    report = Report()
    writer = Writer(most)
    pickler = StatePickler(writer, shell)
    records, kept = [], []
    for number, entry in enumerate(entries):
        progress(number)
        reason = known_lost.get(entry.name) or _write(pickler, writer, entry, records)
        if reason is None:
            kept.append((entry, records[-1]['lost']))
        else:
            _lose(report, entry, reason)
    places = {identity: at for identity, (at, _) in pickler.memo.copy().items()}
    for record in records:
        record['memo'] = places[id(record.pop('marker'))]
    for (entry, losses), record in zip(kept, records):
        found = [kind for kind, _ in losses] or _shared_losses(entry.value, pickler.lost, shell)
        record['lost'] = list(dict.fromkeys(found))[:16]
        record['told'] = entry.is_told
        _keep(report, entry, record['lost'])
    index = {'anchors': pickler.anchors, 'records': records, 'inserted': writer.inserted}
    return Dump(index, writer.content(), writer.buffers, report)


def _write(pickler, writer, entry, records):
    """Writes one record; returns why it is lost, or None."""
    mark = writer.mark()
    # Tells where in the memo this record begins.
    marker = []
    pickler.losses = []
    try:
        if isinstance(entry.value, Exception) and entry.name.startswith('@'):
            raise entry.value
        pickler.dump(marker)
        pickler.dump(entry.value)
        found = pickler.lost.get(id(entry.value))
        if found is None or found[0] is not entry.value:
            records.append({'name': entry.name, 'at': mark[0], 'buffer': mark[2], 'type': entry.type, 'lost': pickler.losses, 'marker': marker})
            return None
        reason = found[2]
    except TooLarge:
        reason = 'the state would become too large'
    except BaseException as error:
        reason = reason_of(error)
    _forget(pickler, marker)
    writer.cut(mark)
    return reason


def _forget(pickler, marker):
    """Takes back from the memo what a record that failed has put there."""
    memo = pickler.memo.copy()
    first = memo[id(marker)][0] if id(marker) in memo else len(memo)
    pickler.memo = {identity: each for identity, each in memo.items() if each[0] < first}
    pickler.lost = {identity: each for identity, each in pickler.lost.items() if identity in pickler.memo.copy()}


def _lose(report, entry, reason):
    if entry.name.startswith('@'):
        report.ambient.append(entry.name[1:])
    elif entry.is_told:
        report.lose(entry.name, entry.type, reason)


def _keep(report, entry, types_lost):
    if entry.name.startswith('@'):
        if types_lost:
            report.ambient.append(entry.name[1:])
    elif types_lost and (entry.is_told or isinstance(entry.value, types.ModuleType)):
        report.keep_part(entry.name, entry.type, types_lost)
    elif entry.is_told:
        report.keep(entry.name, entry.type)


def _shared_losses(value, lost, shell):
    """Types of lost values that a variable reaches through what another one was saved with."""
    if not lost:
        return []
    seen, found = set(), []
    ahead = [value]
    stops = {id(shell.user_ns), id(shell)}
    while ahead and len(seen) < _MOST_LOOKED_AT:
        each = ahead.pop()
        if id(each) in seen or id(each) in stops or isinstance(each, (types.ModuleType, types.BuiltinFunctionType)):
            continue
        seen.add(id(each))
        if id(each) in lost and lost[id(each)][0] is each:
            found.append(lost[id(each)][1])
            continue
        ahead += gc.get_referents(each)
    return found
