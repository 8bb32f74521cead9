"""What a kernel has before its first cell: what a session has changed is told by the difference. Needs no library."""

import builtins
import os
import signal
import sys

# Set by `begin`.
first = {}


def begin():
    """Remembers what a fresh kernel has. Call it before the first cell."""
    first.update(
        environ=dict(os.environ),
        path=list(sys.path),
        builtins=set(vars(builtins)),
        signals={number: signal.getsignal(number) for number in signals()},
    )


def signals():
    """Those whose handlers are kept."""
    return [signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGHUP]
