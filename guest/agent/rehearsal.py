"""Exercises the agent before the first fork, so that Python has adapted its code and remembers where attributes are: it writes that down
when code first runs, and a fork then copies the pages that it is on."""

import gc
import os

from . import frames, pages, parked

# After so many calls Python leaves code as it is.
_ROUNDS = 60


def rehearse(template, modules):
    """Does what every fork does before it runs anything of a user. `modules`: those that forks become. Leaves nothing behind."""
    for _ in range(_ROUNDS):
        for module in modules or [__name__]:
            reader, writer = os.pipe2(os.O_CLOEXEC)
            frames.write_frame(writer, {'entry': '/mnt/data/main.py', 'args': [], 'stays': False})
            parked.settle(template, module, os.urandom(32))
            parked.order_from(reader, template, os.open('/dev/null', os.O_WRONLY | os.O_CLOEXEC))
            os.close(writer)


def memory_of(template, module):
    """What memory a fork uses that becomes this module and runs a small program (pages.touched_by)."""
    path = '/tmp/first.py'
    with open(path, 'w') as file:
        file.write('print(42)')
    reader, writer = os.pipe2(os.O_CLOEXEC)
    frames.write_frame(writer, {'entry': path, 'args': [], 'stays': False})
    nowhere, seed = os.open('/dev/null', os.O_WRONLY | os.O_CLOEXEC), os.urandom(32)

    def run():
        gc.enable()
        os.dup2(nowhere, 1)
        program = parked.settle(template, module, seed)
        program.main(parked.order_from(reader, template, -1))

    memory = pages.touched_by(run)
    for fd in (reader, writer, nowhere):
        os.close(fd)
    return memory


def prepare():
    """As a module that forks become has it."""
