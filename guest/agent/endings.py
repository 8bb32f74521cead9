"""How a process ended, in the form the service reads."""

import os
import signal


def ending(status):
    """{code, signal} of a wait status; one of them is None. Real-time signals have no name: SIG and their number."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return {'code': code, 'signal': None}
    try:
        return {'code': None, 'signal': signal.Signals(-code).name}
    except ValueError:
        return {'code': None, 'signal': f'SIG{-code}'}
