"""Runs a Python program in this very process, as `python3 main.py` would: a plain __main__ with plain tracebacks."""

import atexit
import builtins
import io
import os
import signal
import sys
import threading
import types

# Our own files: their frames are not shown.
OURS = '/opt/dragoman/'


def prepare_streams(writer=io.FileIO):
    """Text streams over descriptors 0, 1 and 2 that are this process' own. Lines leave as they are printed: what a program
    wrote before a limit ended it must not be lost in a buffer."""
    sys.stdin = open(0, closefd=False)
    for name, fd, errors in (('stdout', 1, 'replace'), ('stderr', 2, 'backslashreplace')):
        raw = io.BufferedWriter(writer(fd, 'w', closefd=False))
        stream = io.TextIOWrapper(raw, encoding='utf-8', errors=errors, line_buffering=True)
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


def import_from(folder):
    """The import path of a program: its folder, then the image."""
    sys.path[:] = [folder, *sys.path]


def report(error, own_files):
    """Prints an uncaught exception through the program's excepthook, without frames of ours."""
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename in own_files:
        trace = trace.tb_next
    sys.excepthook(type(error), error.with_traceback(trace), trace)


def exit_code(request):
    """What the interpreter makes of SystemExit: a number, nothing, or a message for stderr."""
    if request.code is None:
        return 0
    if isinstance(request.code, int):
        return request.code & 0xFF
    print(request.code, file=sys.stderr)
    return 1


def rehearse():
    """Runs a small program that leaves nothing behind."""
    with open('/dev/null', 'w') as nowhere:
        exec(compile('import sys\ndef f(x):\n    return f"{x} {[x]}"\nprint(f(42), file=nowhere)', 'x', 'exec'), {'nowhere': nowhere})


def run(entry, args):
    """Runs the file `entry` to its end, atexit functions and threads included; returns the exit code."""
    sys.argv = [entry, *args]
    names = fresh_main(entry)
    code = 0
    try:
        with open(entry, 'rb') as file:
            source = file.read()
        exec(compile(source, entry, 'exec', dont_inherit=True), names)
    except SystemExit as request:
        code = exit_code(request)
    except BaseException as error:
        code = 130 if isinstance(error, KeyboardInterrupt) else 1
        report(error, {__file__})
    return finalise(code)


def finalise(code):
    """The end of an interpreter's life as far as a program can see it; what fails here is reported and passed over."""
    for step in (threading._shutdown, atexit._run_exitfuncs):
        try:
            step()
        except SystemExit as request:
            code = exit_code(request)
        except BaseException as error:
            report(error, {__file__})
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    return code
