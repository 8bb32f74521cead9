"""Frames on the pipes between the service and a sandbox: four bytes of length, big-endian, then JSON.

What a live session's sandbox says beside its cells has a mark in the length: `ASIDE` stands before JSON, `DATA` before raw bytes (four
bytes of the number they belong to, one of the stream, then the bytes).
"""

import json
import os
import struct

ASIDE = 1 << 30
DATA = 1 << 31


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
    write_all(fd, struct.pack('>I', len(body)) + body)


def aside(value):
    """The bytes of a frame that is said beside cells."""
    body = json.dumps(value, ensure_ascii=False, allow_nan=False).encode('utf-8', 'surrogatepass')
    return struct.pack('>I', ASIDE | len(body)) + body


def data(number, stream, content):
    """The bytes of a frame of raw bytes."""
    return struct.pack('>IIB', DATA | (5 + len(content)), number, stream) + content


def write_all(fd, content):
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]
