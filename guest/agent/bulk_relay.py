"""Carries the bytes of the bulk pipes where the service's ends are named pipes.

gVisor waits for a named pipe in the host's kernel, and cannot be paused while it does. So kernels have pipes of gVisor's own, and this
process alone has the named ones. It uses each only when that takes no wait: it reads when there is something, and writes no more than one
page when there is room for one.

To the service frames leave, none longer than a page: a byte `D` or `M`, four bytes. `D`: that many bytes follow. `M`: the number of an order
`discard`; what was written before it is dropped, here or there.
"""

import os
import select
import struct

_PAGE = 4096
_HEAD = 5
_CHUNK = 1 << 16
# In one turn, so that the supervisor gets to its orders.
_MOST_FRAMES = 256
# More than a pipe holds.
_MOST_CHUNKS = 32


class BulkRelay:
    def __init__(self, poller, inner, outer):
        """`inner`: our ends of the kernels' pipes, to read and to write; `outer`: the named pipes, to write and to read."""
        self._poller = poller
        self._inner_saved, self._inner_given = inner
        self._outer_saved, self._outer_given = outer
        for fd in inner:
            os.set_blocking(fd, False)
        self._mark = None
        self._saved = self._given = memoryview(b'')
        self._has_room, self._has_content = select.poll(), select.poll()
        self._has_room.register(self._outer_saved, select.POLLOUT)
        self._has_content.register(self._outer_given, select.POLLIN)
        self._watched = {}
        self._watch()

    def serve(self, ready):
        """`ready`: descriptor -> events."""
        if self._inner_saved in ready or self._outer_saved in ready:
            self._pass_saved()
        if self._inner_given in ready or self._outer_given in ready:
            self._pass_given()
        self._watch()

    def discard(self, mark):
        """Drops what kernels have written and nobody has read, and tells the service where that ends."""
        self._saved = memoryview(b'')
        for _ in range(_MOST_CHUNKS):
            if not _read(self._inner_saved):
                break
        self._mark = mark
        self._pass_saved()
        self._watch()

    def _pass_saved(self):
        for _ in range(_MOST_FRAMES):
            if self._mark is None and not self._saved:
                self._saved = memoryview(_read(self._inner_saved))
                if not self._saved:
                    return
            if not self._has_room.poll(0):
                return
            if self._mark is not None:
                os.write(self._outer_saved, struct.pack('>cI', b'M', self._mark))
                self._mark = None
                continue
            content = self._saved[: _PAGE - _HEAD]
            os.write(self._outer_saved, struct.pack('>cI', b'D', len(content)) + content)
            self._saved = self._saved[len(content) :]

    def _pass_given(self):
        if not self._given:
            if not self._has_content.poll(0):
                return
            self._given = memoryview(os.read(self._outer_given, _CHUNK))
        try:
            self._given = self._given[os.write(self._inner_given, self._given) :]
        except BlockingIOError:
            pass

    def _watch(self):
        """Waits for what can go on: for room where something waits for it, else for content."""
        leaves = self._mark is not None or self._saved
        wanted = {
            (self._outer_saved if leaves else self._inner_saved): select.POLLOUT if leaves else select.POLLIN,
            (self._inner_given if self._given else self._outer_given): select.POLLOUT if self._given else select.POLLIN,
        }
        for fd in self._watched.keys() - wanted.keys():
            self._poller.unregister(fd)
        for fd in wanted.keys() - self._watched.keys():
            self._poller.register(fd, wanted[fd])
        self._watched = wanted


def _read(fd):
    try:
        return os.read(fd, _CHUNK)
    except BlockingIOError:
        return b''
