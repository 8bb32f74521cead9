"""The state of a Bash kernel: the commands from which a shell begins, written and taken in as a stream."""

import os
import re
import signal
import time

from dragoman_guest.agent import state_stream

_POLL_S = 0.01
_KINDS = {'a': 'array', 'A': 'mapping', 'i': 'integer', 'n': 'reference'}
_VARIABLE = re.compile(r"declare -([-\w]*) (\w+)(?:=(.*))?$")
_FUNCTION = re.compile(r'([^\s=(){}]+) \(\) $')
_MOST_NAMES = 2000
_OF_EVERY_SHELL = set(
    'BASH_ARGV0 COMP_WORDBREAKS HISTCMD HOSTNAME HOSTTYPE IFS MACHTYPE OLDPWD OPTERR OPTIND OSTYPE PATH PS4 PWD SHELL TERM'.split()
)


def save(path, order, fd):
    """Has a fork wait for the file that a shell writes, and send it. `order`: {snapshot, deadline_ms, max_bytes}."""
    if os.fork() == 0:
        middle = os.fork()
        if middle == 0:
            try:
                _send(path, order, fd)
            finally:
                os._exit(0)
        os._exit(0)
    try:
        os.wait()
    except ChildProcessError:
        pass


def receive(fd):
    """Reads a stream; returns (commands, report). Raises state_stream.Broken."""
    head, body, _ = state_stream.read(fd)
    if head.get('kernel') != 'bash' or not body.endswith(b'\ntrue\n'):
        raise state_stream.Broken('a state of another kernel')
    return bytes(body), head['report']


def _send(path, order, fd):
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)
    end = time.monotonic() + order['deadline_ms'] / 1000
    while not os.path.exists(path):
        if time.monotonic() > end:
            state_stream.write_failure(fd, 'deadline', 'the shell has not written its state', True)
            return
        time.sleep(_POLL_S)
    with open(path, 'rb') as file:
        content = file.read(order['max_bytes'] + 1)
    jobs = _jobs(f'{path}.jobs')
    for name in (path, f'{path}.jobs'):
        if os.path.exists(name):
            os.unlink(name)
    if len(content) > order['max_bytes']:
        state_stream.write_failure(fd, 'failed', 'the state would become too large', True)
        return
    head = {'format': 1, 'token': order['snapshot'], 'kernel': 'bash', 'versions': {}, 'report': _report(content, jobs)}
    state_stream.write(fd, head, [content], [])


def _jobs(path):
    try:
        with open(path, errors='replace') as file:
            return file.read().splitlines()
    except OSError:
        return []


def _report(content, jobs):
    kept = []
    for line in content.decode(errors='replace').split('\n'):
        variable = _VARIABLE.match(line)
        if variable and not _is_of_environment(variable):
            kept.append({'name': variable[2][:256], 'type': _kind_of(variable[1])})
        elif function := _FUNCTION.match(line):
            kept.append({'name': function[1][:256], 'type': 'function'})
    lost = [{'name': _printable(line), 'type': 'job', 'reason': 'processes do not come back'} for line in jobs[:100]]
    return {'variables': len(kept), 'kept': kept[:_MOST_NAMES], 'partial': [], 'lost': lost, 'redefined': [], 'ambient': []}


def _printable(line):
    return ''.join(letter if letter.isprintable() else '?' for letter in ' '.join(line.split()))[:256]


def _kind_of(flags):
    return next((word for flag, word in _KINDS.items() if flag in flags), 'text')


def _is_of_environment(variable):
    """Whether every shell has it."""
    name, value = variable[2], variable[3] or ''
    return name in _OF_EVERY_SHELL or os.environ.get(name) == value.strip('"')
