"""Runs a program in a terminal of its own and plays a person: terminal.py STEPS PROGRAM ARG...

STEPS is a JSON list of ["expect", TEXT] (wait until the program has printed it) and ["type", TEXT]. What it printed goes to stdout, and
this ends as the program ended; with 99 when a text did not come in time.
"""
import json
import os
import pty
import select
import sys
import time

DEADLINE_S = 40

steps, program = json.loads(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp(program[0], program)

unread = b""


def read():
    """Returns whether the program still has its terminal."""
    global unread
    if not select.select([terminal], [], [], 0.2)[0]:
        return True
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        return False
    unread += piece
    sys.stdout.buffer.write(piece)
    return piece != b""


for kind, text in steps:
    if kind == "type":
        os.write(terminal, text.encode())
        continue
    until = time.monotonic() + DEADLINE_S
    while text.encode() not in unread:
        if not read() or time.monotonic() > until:
            sys.stdout.flush()
            sys.exit(f"did not come: {text!r}" if time.monotonic() > until else f"ended before: {text!r}")
    unread = unread[unread.index(text.encode()) + len(text.encode()) :]
while read():
    pass
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
