"""Saves the state of a kernel from a fork of it: the kernel goes on at once.

Three processes take part. The watcher does nothing but wait: it ends a saver that hangs, and makes another one, which leaves out the
variable where the last one stopped. The saver pickles, with the session's own code where classes bring some, and writes the stream. The
trial, a fork of the saver, loads what was made: what fails there is saved as lost, under its name, while its user can still be told.
"""

import ctypes
import gc
import os
import resource
import select
import signal
import struct
import sys
import threading
import time
import warnings

from dragoman_guest.agent import state_stream

from . import files, load
from .dump import dump, entries_of
from .losses import reason_of, type_name

# PyDLL keeps the interpreter lock over the call: the child goes on as its holder.
_libc = ctypes.PyDLL(None, use_errno=True)
# A variable may take this share of the time there is.
_SHARE = 0.3
# The saver notices before its watcher that a trial hangs.
_SHARE_OF_TRIAL = 0.7
_MOST_SAVERS = 6
# Seconds between two looks at a child, where its end cannot be waited for.
_LOOK = 0.02
# Of what cannot be loaded, a saver tells its watcher so much at once: less than a pipe holds.
_MOST_TOLD = 60_000
_NUMBER = struct.Struct('>i')
# What the saver says to its watcher beside the number of the record it is at.
_WRITES, _WRITTEN = -1, -2
_HANGS = 'saving it took too long'
_ENDS = 'saving it ended the process'


# Children that only make the watchers: they have ended by the time the next cell begins.
_makers = []


def settle():
    """Before a cell: what was left of an earlier save is not the cell's to find."""
    while _makers:
        try:
            os.waitpid(_makers.pop(), 0)
        except ChildProcessError:
            pass  # The session takes care of children by itself.


def save(shell, order, fd, is_tool):
    """Begins to save: a stream follows on `fd`. `order`: {snapshot, deadline_ms, max_bytes}. Raises OSError where no process can be had."""
    random = sys.modules['random'].getstate() if 'random' in sys.modules else None
    settle()
    maker = _fork()
    if maker == 0:
        # A grandchild, so that the session's own `os.wait()` never finds it.
        if _fork() == 0:
            _alone(lambda: _watch(shell, order, fd, is_tool, random))
        os._exit(0)
    _makers.append(maker)


def _fork():
    """A fork without the hooks of libraries, where there are no threads to be repaired."""
    if len(sys._current_frames()) == 1:
        return _plain_fork()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return os.fork()


def _plain_fork():
    """os.fork() by the C library alone. There must be a single thread."""
    pid = _libc.fork()
    if pid < 0:
        code = ctypes.get_errno()
        raise OSError(code, f'fork: {os.strerror(code)}')
    return pid


def _alone(work):
    """Does the work and ends this process, whatever happens."""
    try:
        work()
    finally:
        os._exit(70)


def _watch(shell, order, fd, is_tool, random):
    end = time.monotonic() + order['deadline_ms'] / 1000
    os.setpgid(0, 0)
    gc.disable()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)
    signal.setitimer(signal.ITIMER_REAL, 0)
    if random:
        sys.modules['random'].setstate(random)
    files.part_with_files({0, 1, 2, fd})
    null = os.open('/dev/null', os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    entries = entries_of(shell, is_tool)
    left_out = {}
    reason = 'failed'
    for attempt in range(_MOST_SAVERS):
        is_last = attempt == _MOST_SAVERS - 1
        reading, writing = os.pipe2(os.O_CLOEXEC)

        def work(tell):
            _save(shell, entries, left_out, order, end, fd, None if is_last else writing, tell)

        at, status, is_late = _run(work, end, _share(end))
        os.close(writing)
        failed = _failures(reading)
        os.close(reading)
        if at == _WRITTEN:
            os._exit(0)
        if at == _WRITES:
            # In the middle of the stream: what follows would not be read as frames.
            os._exit(1)
        reason = 'deadline' if is_late else 'memory' if status == -signal.SIGKILL else 'failed'
        if time.monotonic() > end:
            break
        if failed:
            left_out.update(failed)
        elif 0 <= at < len(entries):
            left_out[entries[at].name] = _HANGS if is_late else _ENDS
        else:
            break
    state_stream.write_failure(fd, reason, 'the state could not be saved', True)
    os._exit(1)


def _share(end):
    return max(0.2, (end - time.monotonic()) * _SHARE)


def _run(work, end, share):
    """Runs `work(tell)` in a fork; returns (the last number it told, how it ended, whether it was ended for its slowness).

    It is ended when it tells nothing for `share` seconds, and at the end of all time.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    child = _fork()
    if child == 0:
        os.close(reading)
        os.set_blocking(writing, True)
        os.setpgid(0, 0)
        _alone(lambda: work(lambda number: os.write(writing, _NUMBER.pack(number))))
    os.close(writing)
    # A process that it leaves behind may keep the pipe open.
    ended = _handle_of(child)
    at, said, is_late = 0, b'', False
    while True:
        # While it writes it is as fast as its reader.
        patience = end if at == _WRITES else min(end, time.monotonic() + share)
        ready = _await(reading, ended, child, max(0, patience - time.monotonic()))
        part = os.read(reading, 1 << 16) if reading in ready else b''
        if not part:
            is_late = not ready
            break
        said = (said + part)[-(len(said + part) % _NUMBER.size + _NUMBER.size) :]
        (at,) = _NUMBER.unpack(said[: _NUMBER.size])
        said = said[_NUMBER.size :]
        if at == _WRITTEN:
            break
    os.close(reading)
    if ended is not None:
        os.close(ended)
    if at != _WRITTEN:
        for kill in (os.killpg, os.kill):
            try:
                kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
    try:
        _, status = os.waitpid(child, 0)
    except ChildProcessError:
        status = 0
    return at, os.waitstatus_to_exitcode(status), is_late


def _handle_of(child):
    """A descriptor that is ready when the child has ended, or None where the kernel has none of these, as gVisor's."""
    try:
        return os.pidfd_open(child)
    except OSError:
        return None


def _await(reading, ended, child, seconds):
    """Waits for the pipe or the end of the child; returns what is ready, nothing when the time is over."""
    if ended is not None:
        return select.select([reading, ended], [], [], seconds)[0]
    until = time.monotonic() + seconds
    while True:
        left = max(0, until - time.monotonic())
        ready = select.select([reading], [], [], min(_LOOK, left))[0]
        if not ready and _has_ended(child):
            # What it said last may have come in between.
            return select.select([reading], [], [], 0)[0] or [child]
        if ready or left == 0:
            return ready


def _has_ended(child):
    try:
        return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _confine():
    """The session's code runs from here on: it writes no file, and is the first to go when memory is short."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.setrecursionlimit(100_000)
    warnings.simplefilter('ignore')
    if threading.current_thread() is not threading.main_thread():
        threading._after_fork()


def _save(shell, entries, left_out, order, end, fd, losses, tell):
    """`losses`: where to say what cannot be loaded, for another saver to leave it out: in this one the code of classes may have changed
    the variables. None: this one has to leave it out itself."""
    _confine()
    made = dump(shell, entries, left_out, order['max_bytes'], tell)
    places = {entry.name: at for at, entry in enumerate(entries)}
    numbers = [places[record['name']] for record in made.index['records']]
    failed = _try(shell, made, end, lambda at: tell(numbers[at]))
    if failed and losses is not None:
        lines = ''.join(f'{name}\t{reason}\n' for name, reason in failed.items()).encode(errors='replace')
        os.write(losses, lines[:_MOST_TOLD])
        os._exit(0)
    if failed:
        made = dump(shell, entries, {**left_out, **failed}, order['max_bytes'], tell)
    tell(_WRITES)
    head = {'format': 1, 'token': order['snapshot'], 'kernel': 'python', 'versions': _versions(), 'report': made.report.as_data()}
    state_stream.write(fd, head, made.body(), made.buffers)
    tell(_WRITTEN)
    os._exit(0)


def _try(shell, made, end, tell):
    """Loads what was made in a fork of this process; returns {name: reason} of what cannot be loaded."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    names = [record['name'] for record in made.index['records']]

    def work(trial_tell):
        def both(number):
            # The watcher counts with the trial, too.
            trial_tell(number)
            if number >= 0:
                tell(number)

        _load(shell, made, writing, both)

    at, status, is_late = _run(work, end, _share(end) * _SHARE_OF_TRIAL)
    os.close(writing)
    failed = _failures(reading)
    os.close(reading)
    if at != _WRITTEN and 0 <= at < len(names):
        failed[names[at]] = 'loading it takes too long' if is_late else 'loading it ends the process'
    # Without the others, those that only share something with them may load.
    return {name: reason for name, reason in failed.items() if reason != load.SHARED} or failed


def _failures(reading):
    # What a process that was left behind may still say is not waited for.
    os.set_blocking(reading, False)
    parts = []
    try:
        while part := os.read(reading, 1 << 16):
            parts.append(part)
    except BlockingIOError:
        pass
    lines = b''.join(parts).decode(errors='replace').split('\n')
    return dict(line.split('\t', 1) for line in lines if '\t' in line)


def _load(shell, made, writing, tell):
    import cloudpickle.cloudpickle as tracked

    # A class that this process knows must be made anew.
    tracked._DYNAMIC_CLASS_TRACKER_BY_ID.clear()
    tracked._DYNAMIC_CLASS_TRACKER_BY_CLASS.clear()
    kept_alive = dict(shell.user_ns)
    for record in made.index['records']:
        shell.user_ns.pop(record['name'], None)
    os.set_blocking(writing, False)

    def say(name, reason):
        try:
            os.write(writing, f'{name}\t{reason}\n'.encode(errors='replace'))
        except BlockingIOError:
            pass  # Another trial follows.

    types_ = {record['name']: record['type'] for record in made.index['records']}

    def ended(record, value, reason):
        name = record['name']
        if reason is None and not name.startswith('@') and type_name(value) != types_[name]:
            reason = f'it would come back as {type_name(value)}'
        if reason is not None:
            say(name, reason)

    try:
        load.load(shell, made.index, made.content, made.buffers, tell, ended)
    except BaseException as error:
        say('@', reason_of(error))
    tell(_WRITTEN)
    assert kept_alive
    os._exit(0)


def _versions():
    found = {'python': sys.version.split()[0]}
    for name in ('cloudpickle', 'numpy', 'pandas', 'matplotlib', 'scipy', 'sklearn', 'torch', 'polars', 'pyarrow'):
        version = getattr(sys.modules.get(name), '__version__', None)
        if isinstance(version, str):
            found[name] = version[:60]
    return found
