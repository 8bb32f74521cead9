"""Exercises the agent before the first fork, so that Python has adapted its code: code that is not adapted is written to when it runs,
and a fork then copies the pages that it is on."""

import os

from . import frames, workspace

# After so many calls Python leaves code as it is.
_ROUNDS = 60
_PATH = '/tmp/rehearsal'


def rehearse():
    """Does what every sandbox does with its orders, over a pipe of its own. Leaves nothing behind."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        for _ in range(_ROUNDS):
            frames.write_frame(writer, {'op': 'write', 'path': _PATH, 'size': 2, 'mode': 0o644})
            os.write(writer, b'ab')
            frames.write_frame(writer, {'claim': 'done', 'token': 'x', 'code': 0, 'signal': None})
            workspace.write(reader, frames.read_frame(reader))
            frames.read_frame(reader)
    finally:
        os.close(reader)
        os.close(writer)
    os.unlink(_PATH)
