"""Runs a Python program in this very process, as `python3 main.py` would: a plain __main__ with plain tracebacks."""

import atexit
import builtins
import io
import linecache
import os
import signal
import sys
import threading
import types

from . import reports, source
from .imports import import_from

# Of `inspect`, which every fork would copy.
_CO_COROUTINE = 0x80
# After so many calls Python leaves code as it is.
_ROUNDS = 60


def prepare_streams(make=io.TextIOWrapper):
    """Text streams over descriptors 0, 1 and 2 that are this process' own, which `make` makes as io.TextIOWrapper does. Lines leave
    as they are printed: what a program wrote before a limit ended it must not be lost in a buffer.

    Buffer and file below are those of C. When a signal raises KeyboardInterrupt while they write, they know what has been written,
    and nothing is written twice; a method in Python below the buffer would not get that far."""
    sys.stdin = open(0, closefd=False)
    for name, fd, errors in (('stdout', 1, 'replace'), ('stderr', 2, 'backslashreplace')):
        raw = io.BufferedWriter(io.FileIO(fd, 'w', closefd=False))
        stream = make(raw, encoding='utf-8', errors=errors, line_buffering=True)
        setattr(sys, name, stream)
        setattr(sys, f'__{name}__', stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def fresh_main(path):
    """A new, empty __main__ module, and the workspace in front of the import path."""
    main = types.ModuleType('__main__')
    main.__dict__.update(__builtins__=builtins, __file__=path, __cached__=None, __annotations__={})
    sys.modules['__main__'] = main
    import_from(os.path.dirname(path))
    return main.__dict__


def read(entry, stays):
    """The text of a program. Unless it `stays`, its file goes: the user's folder holds the user's files. Tracebacks know it still."""
    with open(entry, 'rb') as file:
        # It came as text: what it says of an encoding was of another file.
        text = file.read().decode('utf-8', 'replace')
    if not stays:
        os.unlink(entry)
    linecache.cache[entry] = (len(text), None, text.splitlines(True), entry)
    return text


def rehearse():
    """Runs a small program so often that Python has adapted the code that runs programs: it writes into code that is not. Leaves nothing
    behind."""
    path = '/tmp/rehearsal.py'
    modules, importable, words = sys.modules.get('__main__'), sys.path[:], sys.argv
    output, sys.stdout = sys.stdout, open('/dev/null', 'w')
    for _ in range(_ROUNDS):
        with open(path, 'w') as file:
            file.write('import sys\ndef f(x):\n    return f"{x} {[x]}"\nprint(f(42))')
        # An interpreter ends once.
        run(path, [], False, is_end=False)
        sys.path[:] = importable
    sys.stdout.close()
    sys.stdout, sys.argv = output, words
    linecache.cache.pop(path)
    sys.modules['__main__'] = modules


def run(entry, args, stays, is_end=True):
    """Runs the file `entry` to its end, atexit functions and threads included where it `is_end` of the process; returns the exit code."""
    sys.argv = [entry, *args]
    names = fresh_main(entry)
    failure = None
    try:
        body = source.compiled(read(entry, stays), entry)
        if body.co_flags & _CO_COROUTINE:
            # Only templates that have asyncio import it ahead of need.
            import asyncio

            asyncio.run(eval(body, names))
        else:
            exec(body, names)
    except BaseException as error:
        failure = error
    return finalise(reports.code_of(failure), is_end)


def finalise(code, is_end=True):
    """The end of an interpreter's life as far as a program can see it; what fails here is reported and passed over."""
    for step in (threading._shutdown, atexit._run_exitfuncs) if is_end else ():
        try:
            step()
        except BaseException as error:
            failure = error
        else:
            continue
        reported = reports.code_of(failure)
        if isinstance(failure, SystemExit):
            code = reported
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    return code
