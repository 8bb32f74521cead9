"""A Python interpreter that stays: each cell runs in the names the cells before it left."""

import fcntl
import io
import os
import signal
import sys

from dragoman_guest.agent import kernel_link, templates

from . import answers, outbox, questions, script, shell, state, tools

# Copies of the streams for a cell that closes its own; out of the way of user code.
_KEPT_STREAMS = 220


def serve(orders, events, saved=None, given=None):
    """Runs cells until the supervisor goes away. `saved`, `given`: where its state goes out and comes in, if it may."""
    streams = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _KEPT_STREAMS) for fd in (1, 2)]
    box = outbox.Outbox(events, orders)

    def stream(buffer, **settings):
        return _Ordered(box.settle, buffer, **settings)

    script.prepare_streams(stream)
    cells = shell.prepare()
    cells.begin(box)
    link = state.StateLink(cells, events, saved, given, tools.is_tool)
    kernel = os.getpid()
    interrupt = signal.default_int_handler
    while True:
        # An interrupt that comes late must not end the kernel.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        order = _next_cell(orders, link)
        link.begin_cell()
        box.begin(order['cell'])
        offered = questions.take(order['tools'])
        if offered:
            cells.offer(offered)
        try:
            signal.signal(signal.SIGINT, interrupt)
            kernel_link.send(events, {'event': 'begun'})
            question = order.get('question')
            manner = order.get('manner')
            with _environment(order.get('env', {})):
                if question:
                    code = answers.answer(cells, question, order['code'])
                else:
                    code = cells.run(order['code'], manner)
            # A handler the cell has set is there for the next.
            interrupt = signal.getsignal(signal.SIGINT)
        except KeyboardInterrupt as error:
            # It came at the very begin or end of the cell.
            cells.report(error)
            code = 1
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _flush()
        if os.getpid() != kernel:
            os._exit(code)  # A fork of the cell's that ran off its end.
        _mend(streams, stream)
        # Without it there is no next cell: the end of this one is then the end of the kernel.
        os.fstat(orders)
        box.done(code)


def _next_cell(orders, link):
    order = kernel_link.receive(orders)
    # A `seen` is of the last cell, which did not wait for it.
    while 'seen' in order or 'renew' in order or link.obey(order):
        if 'renew' in order:
            templates.renew()
        order = kernel_link.receive(orders)
    return order


class _environment:
    """Variables of the environment for one cell; those that were there before come back after it."""

    def __init__(self, variables):
        self._variables = variables

    def __enter__(self):
        self._before = {name: os.environ.get(name) for name in self._variables}
        os.environ.update(self._variables)

    def __exit__(self, *_):
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


class _Ordered(io.TextIOWrapper):
    """A text stream that calls `settle` before it takes a text: what was shown before must arrive before."""

    def __init__(self, settle, buffer, **settings):
        super().__init__(buffer, **settings)
        self._settle, self._bytes = settle, _OrderedBytes(settle, buffer)

    def write(self, text):
        self._settle()
        return super().write(text)

    @property
    def buffer(self):
        return self._bytes


class _OrderedBytes:
    """The buffer of such a stream, as programs see it."""

    def __init__(self, settle, buffer):
        self._settle, self._buffer = settle, buffer

    def write(self, data):
        self._settle()
        return self._buffer.write(data)

    def __getattr__(self, name):
        return getattr(self._buffer, name)


def _mend(kept, stream_of):
    """Gives the next cell the streams this one closed."""
    for fd, copy in zip((1, 2), kept):
        try:
            os.fstat(fd)
        except OSError:
            os.dup2(copy, fd)
    if any(getattr(stream, 'closed', True) for stream in (sys.stdout, sys.stderr)):
        script.prepare_streams(stream_of)
