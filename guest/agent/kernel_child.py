"""A kernel as its supervisor sees it: a process, the pipes to it, and what it has said."""

import json
import os
import select
import signal

from . import kernel_link

# A kernel keeps its results far below these; a kernel never says more.
_MAX_EVENT_BYTES = 24 << 20
_MAX_CELL_EVENTS = 1000
_MAX_CELL_BYTES = 48 << 20
_MAX_CELL_VALUES = 450_000
_MAX_DEPTH = 80


def _values(event):
    """How many values there are in an event, as the service counts them: commas and opening brackets. Raises ValueError where they
    are too deep."""
    count, level = 0, [event]
    for _ in range(_MAX_DEPTH):
        below = []
        for value in level:
            if isinstance(value, (dict, list)):
                count += len(value) or 1
                below.extend(value.values() if isinstance(value, dict) else value)
        if not below:
            return count
        level = below
    raise ValueError('an event of great depth')


class Kernel:
    """A child that runs cells, seen from the supervisor."""

    def __init__(self, pid, orders, events, interrupts):
        """`orders`, `interrupts`: written here; `events`: read here. `interrupts` takes the name of a cell to interrupt, for a program that may not notice the signal; else None."""
        self.pid = pid
        self.orders = orders
        self.events = events
        self.interrupts = interrupts
        self._buffered = bytearray()
        self.begin()

    def begin(self):
        """Counts what it says from zero."""
        self._events = self._bytes = self._values = 0

    def read_events(self):
        """(The whole events that have arrived, whether more can follow). Raises ValueError for a broken protocol."""
        is_open = self._read()
        events = []
        while len(self._buffered) >= 4:
            size = int.from_bytes(self._buffered[:4], 'big')
            if size > _MAX_EVENT_BYTES:
                raise ValueError('an event beyond all bounds')
            if len(self._buffered) < 4 + size:
                break
            self._events += 1
            self._bytes += size
            if self._events > _MAX_CELL_EVENTS or self._bytes > _MAX_CELL_BYTES:
                raise ValueError('a flood of events')
            event = json.loads(self._buffered[4 : 4 + size])
            self._values += _values(event)
            if self._values > _MAX_CELL_VALUES:
                raise ValueError('a flood of values')
            del self._buffered[: 4 + size]
            if not isinstance(event, dict):
                raise ValueError('an event that is not an object')
            events.append(event)
        return events, is_open

    def _read(self):
        # A pipe's content and a bit more: a writer that is faster than this is read again later.
        for _ in range(32):
            try:
                part = os.read(self.events, 1 << 16)
            except BlockingIOError:
                return True
            if not part:
                return False
            self._buffered += part
        return True

    def signal(self, number):
        """To the whole group: a cell's own children are interrupted with it, as on a terminal."""
        for send in (os.killpg, os.kill):
            try:
                send(self.pid, number)
            except ProcessLookupError:
                pass

    def acknowledge(self, mark):
        """Says that the service has everything up to a mark."""
        self._tell({'seen': mark})

    def renew(self):
        """Has it take new seeds: it is a copy."""
        self._tell({'renew': True})

    def _tell(self, order):
        """A kernel that does not read its orders is not told."""
        poller = select.poll()
        poller.register(self.orders, select.POLLOUT)
        try:
            # A pipe that takes anything takes this as a whole.
            if poller.poll(0):
                kernel_link.send(self.orders, order)
        except OSError:
            pass  # It is dead.

    def interrupt(self, cell):
        self.signal(signal.SIGINT)
        if self.interrupts is None:
            return
        try:
            os.write(self.interrupts, f'{cell}\n'.encode())
        except OSError:
            pass  # They are not read, or not fast enough.

    def close(self):
        for fd in (self.orders, self.events, self.interrupts):
            if fd is not None:
                os.close(fd)
