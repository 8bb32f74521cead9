"""How a process ended, in the form the service reads."""

import os
import signal

# By this real-time signal a bash program ends itself when a tool call fails where `exit` would end a subshell only.
_FAILED_CALL = 62


def ending_with_tools(status):
    """The same of a program that may call tools: one that a failed call ended has failed, and no signal is to be told."""
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == _FAILED_CALL:
        return {'code': 1, 'signal': None}
    return ending(status)


def ending(status):
    """{code, signal} of a wait status; one of them is None. Real-time signals have no name: SIG and their number."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return {'code': code, 'signal': None}
    try:
        return {'code': None, 'signal': signal.Signals(-code).name}
    except ValueError:
        return {'code': None, 'signal': f'SIG{-code}'}
