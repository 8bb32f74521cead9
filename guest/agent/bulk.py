"""Two pipes for much data beside the command pipe and the claims: what kernels save goes out on one, what they are given comes in on
the other.

Only a supervisor that is asked for them has them. It makes them before any code of the user runs, and the service opens its ends by their
numbers in /proc, which works while this process is dumpable. All kernels of the sandbox inherit both, so what comes out is a claim of the
user's like everything else. Where the service has named pipes instead, bulk_relay.py carries the bytes.
"""

import fcntl
import os

from . import bulk_relay, frames

# Out of the way of user code, below the lowest limit on open files.
_PRIVATE_FDS = 240


class Bulk:
    """The kernels' ends of both pipes. `relay`: what carries their bytes, or None."""

    def __init__(self, command, claim, made, poller):
        """Call it while this process is dumpable. Waits until the service has opened its ends: its next order says so. `made`: the sandbox's
        ends, where they are named pipes that the service has open already."""
        outer_reader, self.saved = _pipe(1)
        self.given, outer_writer = _pipe(0)
        self.relay = None
        if made:
            claim({'claim': 'bulk', 'fds': list(made)})
            _await_opened(command)
            self.relay = bulk_relay.BulkRelay(poller, (_private(outer_reader), _private(outer_writer)), made)
            return
        claim({'claim': 'bulk', 'fds': [outer_reader, outer_writer]})
        _await_opened(command)
        os.close(outer_reader)
        os.close(outer_writer)


def _await_opened(command):
    order = frames.read_frame(command)
    if order['op'] != 'opened':
        raise RuntimeError(f'{order["op"]} before the pipes were opened')


def _pipe(ours):
    """A pipe whose end `ours` (0: read, 1: write) has a private number."""
    ends = list(os.pipe2(os.O_CLOEXEC))
    ends[ours] = _private(ends[ours])
    return ends


def _private(fd):
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _PRIVATE_FDS)
    os.close(fd)
    return moved
