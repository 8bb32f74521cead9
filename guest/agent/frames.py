"""Frames on the pipes between the service and a sandbox: four bytes of length, big-endian, then JSON."""

import json
import os
import struct


class Closed(Exception):
    """The other end is gone."""


def read_exactly(fd, size):
    """Reads `size` bytes; raises Closed when the stream ends before."""
    parts = []
    while size:
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            raise Closed
        parts.append(part)
        size -= len(part)
    return b''.join(parts)


def read_frame(fd):
    (size,) = struct.unpack('>I', read_exactly(fd, 4))
    return json.loads(read_exactly(fd, size))


def write_frame(fd, value):
    """Raises ValueError for what JSON lacks: NaN and the infinities."""
    write_text(fd, json.dumps(value, ensure_ascii=False, allow_nan=False))


def write_text(fd, text):
    """Sends a frame that is JSON text already."""
    # A lone surrogate becomes invalid UTF-8; the service reads U+FFFD.
    body = text.encode('utf-8', 'surrogatepass')
    view = memoryview(struct.pack('>I', len(body)) + body)
    while view:
        view = view[os.write(fd, view) :]
