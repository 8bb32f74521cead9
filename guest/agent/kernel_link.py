"""A kernel's two pipes: cells in as {"cell", "code", "language", "tools"}, events out. Both carry frames (frames.py).

A cell with a "question" does not run: {"kind":"complete","cursor"} and {"kind":"is_complete"} are answered by one result.

A "manner" {"isSilent","isRemembered","expressions"} is of clients that are notebooks themselves.

Events: {"event":"begun"} once a cell can be interrupted (SIGINT; an interrupt that came before is sent then, and none is sent
between cells), {"event":"display"|"result","bundle":{<mime>:…}}, with "name" one that a later one with "update":true replaces, with
"metadata" what is said about its forms, {"event":"clear","wait"}, which takes back what was shown, at once or with the next,
{"event":"error","error":{"name","value","traceback":[…]}}, {"event":"expressions","values":{…}}, what the expressions of a manner came
to, and {"event":"done","cell","code"}, which ends the cell of that name. A program of the image finds cells on descriptor 3 and
writes events to 4. Beside the signal, which it may not notice, it gets a line on 5 with the name of a cell to interrupt.
Where the sandbox has them, 6 is where it writes its state and 7 where it reads one (bulk.py).

{"renew":true} comes between cells, in a copy of a sandbox: the kernel takes new seeds.

Streams go another way, straight to the service. A display may have a "mark", a number that counts up: {"seen": <mark>} comes on the
pipe of the cells once the service has it, and what is printed after that comes after it.
"""

import fcntl
import os

from . import frames

# Out of the way of user code, below the lowest limit on open files.
_PRIVATE_FD = 230

send = frames.write_frame
send_text = frames.write_text
receive = frames.read_frame


def keep_only(*kept):
    """Closes every descriptor but the streams and these, which get high numbers; returns them."""
    kept = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _PRIVATE_FD) for fd in kept]
    null = os.open('/dev/null', os.O_RDONLY)
    os.dup2(null, 0)
    first = 3
    for fd in sorted(kept):
        os.closerange(first, fd)
        first = fd + 1
    os.closerange(first, 65536)
    return kept
