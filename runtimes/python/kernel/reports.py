"""How a program's uncaught exception is printed: as Python does it, without frames that are not the program's."""

import os
import sys
import traceback

# Our own files.
OURS = '/opt/dragoman/'
# What runs a program that awaits outside of functions.
_RUNNER = f'{os.path.dirname(os.__file__)}/asyncio/'


def code_of(failure):
    """The exit code of a program that ended with this exception, or with none; one that is no request to exit is printed.

    Not to be called while the exception is handled: it would be the context of what fails in the program's excepthook.
    """
    if failure is None:
        return 0
    if isinstance(failure, SystemExit):
        return exit_code(failure)
    reported = _report(failure)
    return 130 if isinstance(failure, KeyboardInterrupt) else reported


def _report(error):
    """Prints an exception through the program's excepthook; returns the exit code that the program has then."""
    _trim(error, set())
    hook = getattr(sys, 'excepthook', None)
    if hook is None:
        _print('sys.excepthook is missing\n')
        _print_exception(error)
        return 1
    try:
        hook(type(error), error, error.__traceback__)
    except SystemExit as request:
        return exit_code(request)
    except BaseException as failure:
        _trim(failure, set())
        _print('Error in sys.excepthook:\n')
        _print_exception(failure)
        _print('\nOriginal exception was:\n')
        _print_exception(error)
    return 1


def exit_code(request):
    """What the interpreter makes of SystemExit: a number, nothing, or a message for stderr."""
    if request.code is None:
        return 0
    if isinstance(request.code, int):
        return request.code & 0xFF
    _print(f'{request.code}\n')
    return 1


def _trim(error, seen):
    """Takes the frames off that led to the program, of an exception and of those behind it."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename.startswith((OURS, _RUNNER)):
        trace = trace.tb_next
    error.__traceback__ = trace
    for other in (error.__cause__, error.__context__, *(getattr(error, 'exceptions', None) or ())):
        if isinstance(other, BaseException):
            _trim(other, seen)


def _print_exception(error):
    _print(''.join(traceback.format_exception(error)))


def _print(text):
    try:
        sys.stderr.write(text)
    except Exception:
        pass  # Its stderr may be anything by now.
