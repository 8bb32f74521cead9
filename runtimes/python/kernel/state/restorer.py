"""Takes a state into a kernel that has run no cell yet."""

import os
import sys

from dragoman_guest.agent import state_stream

from . import load
from .losses import Report


def restore(shell, fd):
    """Reads one stream and makes its variables; returns (report as data, {name: (type, reason)} of what is lost). Raises state_stream.Broken.

    What the session's classes print meanwhile is dropped.
    """
    head, body, buffers = state_stream.read(fd)
    if head.get('kernel') != 'python':
        raise state_stream.Broken('a state of another kernel')
    report = Report()
    before = head.get('report', {})
    for each in before.get('lost', ()):
        report.lose(each['name'], each['type'], each['reason'])
    report.ambient = list(before.get('ambient', ()))
    hidden = {}

    def ended(record, value, reason):
        name, kind = record['name'], record['type']
        if name.startswith('@'):
            if reason is not None and name[1:] not in report.ambient:
                report.ambient.append(name[1:])
        elif reason is not None:
            (report.lose(name, kind, reason) if record['told'] else hidden.update({name: (kind, reason)}))
        elif record['lost']:
            report.keep_part(name, kind, record['lost'])
        elif record['told']:
            report.keep(name, kind)

    with _quiet():
        load.load(shell, *load.parts_of(body), buffers, lambda _: None, ended)
    return report.as_data(), {**hidden, **report.lost}


class _quiet:
    """No output of this process meanwhile."""

    def __enter__(self):
        self._flush()
        self._copies = [os.dup(fd) for fd in (1, 2)]
        null = os.open('/dev/null', os.O_WRONLY)
        for fd in (1, 2):
            os.dup2(null, fd)
        os.close(null)

    def __exit__(self, *_):
        self._flush()
        for fd, copy in zip((1, 2), self._copies):
            os.dup2(copy, fd)
            os.close(copy)

    def _flush(self):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
