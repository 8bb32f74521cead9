"""A process that was started ahead of need, as Python sees it: the fork that waits, and the supervisor that gives one its orders.

The helper (guest/native/programs.h) starts it, and runs it to its end where no supervisor does.
"""

import importlib
import json
import os
import signal

from . import frames, protection


class Parked:
    """A process that waits for its orders, seen from a supervisor."""

    def __init__(self, sandbox):
        """The one that the helper has started in a sandbox."""
        self._pid = sandbox.parked_pid
        self._orders = sandbox.parked_orders
        self._is_fork = sandbox.parked_codes >= 0
        self._score = protection.OomScore(sandbox.parked_score)

    def begin(self, orders):
        """Gives it its orders; returns its pid."""
        self._score.watch()
        if self._is_fork:
            frames.write_frame(self._orders, orders)
        else:
            view = memoryview(json.dumps(orders).encode())
            while view:
                view = view[os.write(self._orders, view) :]
        os.close(self._orders)
        return self._pid


def settle(template, module, seed):
    """What is done in a fork ahead of its orders. Returns the module that it becomes."""
    template.reseed(seed)
    program = importlib.import_module(module)
    program.prepare()
    return program


def order_from(orders, template, score):
    """Waits for orders; does the warm-ups that come before. From then on this process is a program."""
    order = frames.read_frame(orders)
    while 'warm' in order:
        template.warm()
        order = frames.read_frame(orders)
    os.close(orders)
    if score >= 0:  # Else it has that of a program already.
        protection.OomScore(score).give_up()
    return order


def become(sandbox, template):
    """Waits for orders and becomes the module of a fork. Never returns."""
    codes, key, own = sandbox.become_codes, bytes(sandbox.become_key), os.getpid()
    program = settle(template, sandbox.module.decode(), bytes(sandbox.become_seed))
    order = order_from(sandbox.become_orders, template, sandbox.become_score)
    supervised = 'tools' in order
    if supervised:
        os.close(codes)
    code = program.main(order)
    # A fork of the program's that ran off the end of its source is not the program. A supervisor waits for exits alone.
    if os.getpid() != own or supervised:
        os._exit(code)
    try:
        os.write(codes, key + bytes([code]))
    except OSError:
        os._exit(code)  # The program closed every descriptor: its exit says the same.
    while True:
        try:
            signal.pause()
        except BaseException:
            pass  # A handler of the program's.
