"""Exceptions in the words of Python itself, without the frames that are ours or IPython's."""

import os
import traceback

import IPython
from IPython.core.error import UsageError

from .reports import OURS

CELL = '<cell '
_MAX_LINES = 300
# As Python's own printer does: of a deeper stack its end. To walk through a million frames takes minutes.
_MAX_FRAMES = 1000
_KEPT_HEAD = 100
_ROOT = os.path.dirname(IPython.__file__)
# What stands between a cell and the code it runs through a magic. The rest of IPython is a library like any other.
_MACHINERY = tuple(
    os.path.join(_ROOT, name)
    for name in (
        'core/interactiveshell',
        'core/magic',
        'core/async_helpers',
        'core/compilerop',
        'core/displayhook',
        'core/formatters',
        'utils/py3compat',
    )
)


def lines(error):
    """The traceback of an exception as a terminal shows it, line by line."""
    if isinstance(error, UsageError):
        # A magic's own complaint: where IPython raised it is no news.
        return [f'UsageError: {value(error)}']
    try:
        trace = _end_of(error.__traceback__)
        report = traceback.TracebackException(type(error), error, trace, limit=-_MAX_FRAMES, compact=True)
        _cut(report, set())
        text = ''.join(report.format())
    except Exception as problem:
        # An exception may lie about itself in any way.
        text = f'{type(error).__name__} (and no traceback: {type(problem).__name__})'
    found = text.rstrip('\n').split('\n')
    if len(found) > _MAX_LINES:
        tail = _MAX_LINES - _KEPT_HEAD - 1
        found[_KEPT_HEAD:-tail] = [f'  [{len(found) - _MAX_LINES + 1} lines left out]']
    return found


def value(error):
    """What an exception says, whatever its __str__ does."""
    try:
        return str(error)
    except Exception:
        return f'<{type(error).__name__} that has no words>'


def _end_of(trace):
    """The last frames of a traceback."""
    ahead, size = trace, 0
    while ahead:
        ahead, size = ahead.tb_next, size + 1
    for _ in range(size - _MAX_FRAMES):
        trace = trace.tb_next
    return trace


def _cut(report, seen):
    """Takes our frames out of a traceback and those it was caused by."""
    if report is None or id(report) in seen:
        return
    seen.add(id(report))
    frames = list(report.stack)
    # A cell that is no Python has not run: whatever frames there are compiled it.
    uncompiled = (getattr(report, 'filename', None) or '').startswith(CELL)
    first = next((at for at, frame in enumerate(frames) if frame.filename.startswith(CELL)), len(frames) if uncompiled else 0)
    kept = [frame for frame in frames[first:] if not frame.filename.startswith((OURS, *_MACHINERY))]
    report.stack = traceback.StackSummary.from_list(kept) if kept else None
    for other in (report.__cause__, report.__context__, *(report.exceptions or ())):
        _cut(other, seen)
