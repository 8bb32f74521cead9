"""Runs a Python program that calls tools: like script.py, but its body may await, and the tools are functions of its own.

The body is compiled as it stands, with awaits allowed: no line moves and no string changes. Only a body that returns is put
into a function, where alone Python has that.
"""

import ast
import asyncio
import inspect
import json
import os
import sys
import typing

from . import reports, script, source, tools

_TYPING = ('Any', 'Awaitable', 'Callable', 'Dict', 'Iterable', 'List', 'Literal', 'Optional', 'Set', 'Tuple', 'Union')


def run(entry, args, definitions, stays):
    """Runs the file `entry` to its end; returns the exit code."""
    sys.argv = [entry, *args]
    names = script.fresh_main(entry)
    names.update(asyncio=asyncio, json=json, os=os, sys=sys, ToolExecutionError=tools.ToolExecutionError)
    names.update((name, getattr(typing, name)) for name in _TYPING)
    names.update(tools=tools.Tools(definitions), **tools.functions(definitions))
    failure = None
    try:
        body = _compiled(script.read(entry, stays), entry)
        asyncio.run(_awaited(body, names))
        for name in tools.forgotten(list(names.values())):
            print(f"RuntimeWarning: coroutine '{name}' was never awaited", file=sys.stderr)
    except BaseException as error:
        _cut(error)
        failure = error
    return script.finalise(reports.code_of(failure))


def _compiled(text, entry):
    try:
        tree = compile(text, entry, 'exec', ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError:
        return source.compiled(text, entry)
    if _returns(tree):
        function = ast.parse('async def __program__(): pass\nawait __program__()', entry)
        function.body[0].body = tree.body
        tree = function
    return compile(tree, entry, 'exec', ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


def _returns(node):
    """Whether there is a `return` outside of every function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Return):
            return True
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and _returns(child):
            return True
    return False


async def _awaited(body, names):
    result = eval(body, names)
    if inspect.iscoroutine(result):
        await result


def _cut(error):
    """Takes off the frames of ours and asyncio's that a failed tool leaves at the end of its traceback."""
    if not isinstance(error, (tools.ToolExecutionError, TypeError)):
        return
    own = (reports.OURS, os.path.dirname(asyncio.__file__))
    last = None
    trace = error.__traceback__
    while trace:
        if not trace.tb_frame.f_code.co_filename.startswith(own):
            last = trace
        trace = trace.tb_next
    if last is not None:
        last.tb_next = None
