"""A Python interpreter that stays: each cell runs in the names the cells before it left."""

import ast
import linecache
import os
import signal
import sys

from . import kernel_link, script


def serve(orders, events):
    """Runs cells until the supervisor goes away."""
    script.prepare_streams()
    cells = Cells(events)
    kernel = os.getpid()
    while True:
        # An interrupt that comes late must not end the kernel.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        order = kernel_link.receive(orders)
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            code = cells.run(order['code'])
        except KeyboardInterrupt:
            code = 1
        if os.getpid() != kernel:
            os._exit(code)  # A fork of the cell's that ran off its end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        kernel_link.send(events, {'event': 'done', 'code': code})


class Cells:
    def __init__(self, events):
        self._events = events
        self._names = script.fresh_main('/mnt/data/main.py')
        self._count = 0

    def run(self, source):
        """Runs one cell; returns its exit code."""
        self._count += 1
        name = f'<cell {self._count}>'
        try:
            linecache.cache[name] = (len(source), None, source.splitlines(True), name)
            self._execute(ast.parse(source, name), name)
        except SystemExit as request:
            return script.exit_code(request)
        except BaseException as error:
            script.report(error, {__file__, ast.__file__})
            return 1
        return 0

    def _execute(self, tree, name):
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)
        exec(compile(tree, name, 'exec'), self._names)
        if last is not None:
            value = eval(compile(last, name, 'eval'), self._names)
            if value is not None:
                kernel_link.send(self._events, {'event': 'result', 'bundle': {'text/plain': repr(value)}})
