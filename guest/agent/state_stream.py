"""The stream of a kernel's state: a magic word, then frames of one byte of kind, eight bytes of length and that many bytes.

H the head (JSON), B the body, D one buffer each, E the end (JSON with a digest of head and body), F a failure (JSON) in place of what
would follow. Written by a kernel, kept by the service as it is, read by another kernel (docs/reference/guest-protocol.md).
"""

import hashlib
from json import dumps, loads
import os
import struct

MAGIC = b'DRGSTAT1'
MAX_HEAD = 1 << 20
MAX_BUFFERS = 8192
# Larger ones are no part of the body.
LEAST_BUFFER = 64 << 10
_HEADER = struct.Struct('>cQ')
_PART = 1 << 20


class Broken(Exception):
    """The stream is not whole, or not one of these."""


def write(fd, head, body, buffers):
    """Writes a whole stream. `head`: a JSON object, to which the sizes are added; `body`: a list of bytes-like parts; `buffers`: bytes-like."""
    sizes = [memoryview(part).nbytes for part in (*body, *buffers)]
    text = dumps({**head, 'bytes': sum(sizes), 'buffers': len(buffers)}, ensure_ascii=True).encode()
    if len(text) > MAX_HEAD:
        raise ValueError('the head of the state is too large')
    _write_all(fd, MAGIC)
    _write_frame(fd, b'H', text)
    digest = hashlib.sha256(text)
    _write_all(fd, _HEADER.pack(b'B', sum(sizes[: len(body)])))
    for part in body:
        digest.update(part)
        _write_all(fd, part)
    for buffer in buffers:
        _write_frame(fd, b'D', buffer)
    _write_frame(fd, b'E', dumps({'bytes': sum(sizes), 'digest': digest.hexdigest()}).encode())


def write_failure(fd, reason, message, is_first):
    """Says that there is no state. `is_first`: nothing of the stream was written before."""
    if is_first:
        _write_all(fd, MAGIC)
    _write_frame(fd, b'F', dumps({'reason': reason, 'message': message[:500]}).encode())


def read(fd):
    """Reads a whole stream; returns (head, body, buffers), the last two as bytearrays, for the loader to keep. Raises Broken."""
    if bytes(_read(fd, len(MAGIC))) != MAGIC:
        raise Broken('not a state')
    text = _read_frame(fd, b'H', MAX_HEAD)
    head = loads(text)
    if not isinstance(head, dict) or head.get('format') != 1:
        raise Broken('a state of another format')
    most = head.get('bytes')
    body = _read_frame(fd, b'B', most)
    count = head.get('buffers')
    if not isinstance(count, int) or not 0 <= count <= MAX_BUFFERS:
        raise Broken('too many buffers')
    buffers = [_read_frame(fd, b'D', most) for _ in range(count)]
    end = loads(_read_frame(fd, b'E', MAX_HEAD))
    digest = hashlib.sha256(text)
    digest.update(body)
    if end.get('digest') != digest.hexdigest():
        raise Broken('the digest is wrong')
    if end.get('bytes') != len(body) + sum(map(len, buffers)):
        raise Broken('the size is wrong')
    return head, body, buffers


def _write_frame(fd, kind, content):
    _write_all(fd, _HEADER.pack(kind, memoryview(content).nbytes))
    _write_all(fd, content)


def _write_all(fd, content):
    view = memoryview(content).cast('B')
    while view:
        view = view[os.write(fd, view[:_PART]) :]


def _read_frame(fd, kind, most):
    found, size = _HEADER.unpack(_read(fd, _HEADER.size))
    if found != kind:
        raise Broken(f'a frame of kind {found!r} where {kind!r} belongs')
    if not isinstance(most, int) or size > most:
        raise Broken('a frame that is too large')
    return _read(fd, size)


def _read(fd, size):
    content = bytearray(size)
    view = memoryview(content)
    while view:
        count = os.readv(fd, [view[:_PART]])
        if count == 0:
            raise Broken('it ends in the middle')
        view = view[count:]
    return content
