"""Where a pickle goes and comes from: a body of small parts, and buffers beside it that are never copied."""

import io

from dragoman_guest.agent.state_stream import LEAST_BUFFER, MAX_BUFFERS

# A frame of the pickler's own is smaller than this; what is larger is one string or one run of bytes.
_LEAST_PART = 256 << 10


class TooLarge(Exception):
    """The state would become larger than it may."""


class Writer:
    """A file for a pickler, and the keeper of its buffers. Can be cut back to an earlier mark."""

    def __init__(self, most):
        self._most = most
        self._small = io.BytesIO()
        self._size = 0  # of all
        self.buffers = []
        self.inserted = []  # [position in the body, number of the buffer] of large parts

    def write(self, part):
        size = len(part)
        self._count(size)
        if size >= _LEAST_PART and len(self.buffers) < MAX_BUFFERS:
            self.inserted.append([self._small.tell(), len(self.buffers)])
            self.buffers.append(part)
        else:
            self._small.write(part)
        return size

    def take(self, buffer):
        """The pickler's `buffer_callback`: false for a buffer that is taken."""
        raw = buffer.raw()
        if raw.nbytes < LEAST_BUFFER or len(self.buffers) >= MAX_BUFFERS:
            return True
        self._count(raw.nbytes)
        self.buffers.append(raw)
        return False

    def _count(self, size):
        self._size += size
        if self._size > self._most:
            raise TooLarge

    def mark(self):
        return self._small.tell(), self._size, len(self.buffers), len(self.inserted)

    def cut(self, mark):
        at, self._size, buffers, inserted = mark
        self._small.seek(at)
        self._small.truncate()
        del self.buffers[buffers:]
        del self.inserted[inserted:]

    def content(self):
        return self._small.getbuffer()


class Reader:
    """A file for an unpickler: a body with the large parts at their places."""

    def __init__(self, body, buffers, inserted):
        """`inserted` as the writer has it, positions counted from the begin of `body`."""
        self._body = memoryview(body)
        self._inserted = [(at, memoryview(buffers[number])) for at, number in inserted]
        self.seek(0)

    def insert(self, part):
        """Reads this first, until the next `seek`."""
        self._first = memoryview(part)

    def seek(self, at):
        """Goes to a position of the body."""
        self._at = at
        self._first = memoryview(b'')
        self._next = next((n for n, (place, _) in enumerate(self._inserted) if place >= at), len(self._inserted))
        self._inside = 0  # of the next large part

    def readinto(self, target):
        target = memoryview(target).cast('B')
        done = 0
        while done < len(target):
            part = self._part(len(target) - done)
            if not part:
                break
            target[done : done + len(part)] = part
            done += len(part)
        return done

    def read(self, size):
        made = bytearray(min(size, len(self._body) + sum(len(part) for _, part in self._inserted)))
        return bytes(memoryview(made)[: self.readinto(made)])

    def readline(self):
        line = bytearray()
        while not line.endswith(b'\n'):
            part = self._part(1)
            if not part:
                break
            line += part
        return bytes(line)

    def _part(self, most):
        """Up to so many bytes that are in one place."""
        if self._first:
            part, self._first = self._first[:most], self._first[most:]
            return part
        if self._next < len(self._inserted) and self._inserted[self._next][0] == self._at:
            part = self._inserted[self._next][1][self._inside : self._inside + most]
            self._inside += len(part)
            if self._inside == len(self._inserted[self._next][1]):
                self._next, self._inside = self._next + 1, 0
            return part
        end = self._inserted[self._next][0] if self._next < len(self._inserted) else len(self._body)
        part = self._body[self._at : min(end, self._at + most)]
        self._at += len(part)
        return part
