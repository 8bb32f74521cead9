"""What code asks the person at the other end: `input()` and `getpass()`. A caller that can answer offers a tool for it."""

import builtins
import getpass
import sys

from . import tools

# The tool that answers; it is not shown to code as one.
TOOL = 'dragoman_input'

_usual_input = input
_usual_getpass = getpass.getpass
_is_offered = False


def take(definitions):
    """Takes the tool out of those of a cell, and returns the others."""
    global _is_offered
    others = [definition for definition in definitions if definition['name'] != TOOL]
    _is_offered = len(others) < len(definitions)
    getpass.getpass = _getpass if _is_offered else _usual_getpass
    return others


def take_over():
    """In a fresh kernel: from here on `input` asks where it can."""
    builtins.input = _input


def _input(prompt='', /):
    if _is_offered:
        return _ask(prompt, False)
    try:
        return _usual_input(prompt)
    except EOFError:
        raise EOFError('nothing can be read: a cell has no input. Put the value into the code.') from None


def _getpass(prompt='Password: ', stream=None, *, echo_char=None):
    return _ask(prompt, True)


def _ask(prompt, is_secret):
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    try:
        answer = tools.call_now(TOOL, {'prompt': str(prompt), 'secret': is_secret})
    except tools.ToolExecutionError:
        raise EOFError('the input has ended') from None
    return str(answer)
