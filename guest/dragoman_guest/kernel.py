"""A Python interpreter that stays: each cell runs in the names the cells before it left."""

import ast
import linecache
import sys

from . import script


class Kernel:
    def __init__(self):
        script.prepare_streams()
        self._names = script.fresh_main('/mnt/data/main.py')
        self._count = 0

    def run(self, entry):
        """Runs one cell from a file; the value of a last expression is printed. Returns {code, signal}."""
        self._count += 1
        name = f'<cell {self._count}>'
        code = 0
        try:
            with open(entry, encoding='utf-8') as file:
                source = file.read()
            linecache.cache[name] = (len(source), None, source.splitlines(True), name)
            self._execute(ast.parse(source, name), name)
        except SystemExit as request:
            code = script.exit_code(request)
        except BaseException as error:
            code = 1
            script.report(error, {__file__, ast.__file__})
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        return {'code': code, 'signal': None}

    def _execute(self, tree, name):
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)
        exec(compile(tree, name, 'exec'), self._names)
        if last is not None:
            value = eval(compile(last, name, 'eval'), self._names)
            if value is not None:
                print(repr(value))
