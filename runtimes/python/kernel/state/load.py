"""Loads a body into the names of a kernel, record by record. A record that fails costs itself, and what shares values with it."""

from json import loads
import pickle
import pickletools
import sys

from . import ambient, anchors
from .body import Reader
from .losses import reason_of, words


_TAKE = pickle.BINPERSID + pickle.MEMOIZE + pickle.POP


SHARED = 'it shares a value with another variable that was lost'


class Gap(Exception):
    """A value is asked for that a record which failed would have made."""


def parts_of(body):
    """(index, content) of a body."""
    size = int.from_bytes(body[:8], 'big')
    return loads(bytes(body[8 : 8 + size])), memoryview(body)[8 + size :]


def load(shell, index, content, buffers, begun, ended):
    """Loads into the shell. Calls `begun(number)` before each record and `ended(record, value, reason)` after it, with the reason
    None for one that is there."""
    reader = Reader(content, buffers, index['inserted'])
    # Each record takes its own buffers in their order: one iterator for all.
    supply = _Supply(buffers, {number for _, number in index['inserted']})
    unpickler = pickle.Unpickler(reader, buffers=supply)
    _take_anchors(unpickler, reader, shell, index['anchors'])
    memo = None
    for at, record in enumerate(index['records']):
        begun(at)
        reader.seek(record['at'])
        supply.seek(record['buffer'])
        if memo is not None:
            unpickler = _SlowUnpickler(reader, supply, memo, record['memo'])
        try:
            unpickler.load()
            value = unpickler.load()
            _set(shell, record['name'], value)
        except BaseException as error:
            reason = words(error) if isinstance(error, Gap) else reason_of(error)
            memo = dict(unpickler.memo.copy())
            reader.seek(record['at'])
            _survey(reader, memo, record['memo'])
            ended(record, None, reason)
        else:
            ended(record, value, None)


def _take_anchors(unpickler, reader, shell, names):
    """Puts the anchors at the begin of the memo, as the pickler has them there: by a pickle that names each by its number."""
    found = []
    for name in names:
        try:
            found.append(anchors.find(name, shell))
        except BaseException:
            found.append(None)
    each = b''.join(pickle.BININT2 + number.to_bytes(2, 'little') + _TAKE for number in range(len(found)))
    unpickler.persistent_load = found.__getitem__
    reader.insert(pickle.PROTO + b'\5' + each + pickle.NONE + pickle.STOP)
    unpickler.load()


def _survey(reader, known, number):
    """Adds to the memo what a record that failed says in plain words, strings and names of modules: many records share them."""
    texts, value = [], None
    for _ in range(2):
        for code, argument, _ in pickletools.genops(reader):
            if code.name == 'MEMOIZE':
                if value is not None:
                    known.setdefault(number, value)
                number += 1
            elif code.name in ('SHORT_BINUNICODE', 'BINUNICODE'):
                value = argument
                texts.append(argument)
            elif code.name in ('BINGET', 'LONG_BINGET'):
                texts.append(known.get(argument))
            elif code.name == 'STACK_GLOBAL':
                value = _named(*texts[-2:])
            elif code.name != 'FRAME':
                value = None


def _named(module, name):
    try:
        found = sys.modules[module]
        for part in name.split('.'):
            found = getattr(found, part)
        return found
    except Exception:
        return None


def _set(shell, name, value):
    if name == '@outputs':
        shell.user_ns['Out'].update(value)
        for number, each in value.items():
            shell.user_ns[f'_{number}'] = shell.user_ns_hidden[f'_{number}'] = each
        shell.user_ns['_'] = shell.user_ns_hidden['_'] = value[max(value)]
    elif name.startswith('@'):
        ambient.ALL[name[1:]][1](shell, value)
    else:
        shell.user_ns[name] = value


class _Supply:
    """The buffers that are no parts of the body, from the one that a record begins with."""

    def __init__(self, buffers, inserted):
        self._buffers = [(number, buffer) for number, buffer in enumerate(buffers) if number not in inserted]
        self._at = 0

    def seek(self, number):
        self._at = next((at for at, (each, _) in enumerate(self._buffers) if each >= number), len(self._buffers))

    def __iter__(self):
        return self

    def __next__(self):
        if self._at == len(self._buffers):
            raise StopIteration
        self._at += 1
        return self._buffers[self._at - 1][1]


class _SlowUnpickler(pickle._Unpickler):
    """Written in Python, and knows which values of its memo were never made."""

    def __init__(self, reader, supply, known, first):
        super().__init__(reader, buffers=supply)
        self.memo = _Memo(known)
        self.memo.next = first


class _Memo(dict):
    next = 0

    def __len__(self):
        return self.next

    def __setitem__(self, number, value):
        super().__setitem__(number, value)
        self.next = max(self.next, number + 1)

    def __missing__(self, number):
        raise Gap(SHARED)
