"""Runs any program of the image: this process stays as the init of its pid namespace and reaps until the program ends.

The program is pid 2 or later, so signals it sends itself work as anywhere. It holds no descriptor of ours, and this process
is undumpable, so what it claims about the program's end cannot be forged from inside.
"""

import json
import os
import signal

from . import confine, endings, syscalls


def run(argv, env, command):
    """Starts the program with the sandbox's stdin, stdout and stderr and waits for its end: {code, signal}."""
    os.close(command)
    return _wait(_spawn(argv, env, []))


def park(argv, env):
    """Starts a program that waits for its orders on descriptor 3 (a JSON document, then the end of the stream)."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = _spawn(argv, env, [(os.POSIX_SPAWN_DUP2, reader, 3)])
    os.close(reader)
    return Parked(pid, writer)


class Parked:
    def __init__(self, pid, orders):
        self._pid = pid
        self._orders = orders

    def run(self, orders, command):
        os.close(command)
        return _wait(self.begin(orders))

    def begin(self, orders):
        """Lets it go; returns its pid."""
        view = memoryview(json.dumps(orders).encode())
        while view:
            view = view[os.write(self._orders, view) :]
        os.close(self._orders)
        return self._pid


def _spawn(argv, env, actions):
    # Undumpable before the program lives: it has our uid and could otherwise write our memory. Its exec makes it dumpable again.
    score = confine.open_oom_score()
    syscalls.dumpable(False)
    # Of the signals a program sends its init, only those with a handler arrive.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # The kernel should choose the program when memory runs out, not its init: the score is inherited, then lowered again.
        os.write(score, confine.OOM_SCORE_OF_PROGRAMS)
        return os.posix_spawnp(
            argv[0],
            argv,
            {**os.environ, **env},
            file_actions=actions,
            setsigmask=[],
            setsigdef=[signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ],
        )
    finally:
        os.write(score, confine.OOM_SCORE)
        os.close(score)


def _wait(program):
    """Reaps everything until the program itself ends; whatever it left behind dies with the sandbox."""
    while True:
        pid, status = os.wait()
        if pid == program:
            return endings.ending(status)
