"""Runs a program: this process stays as the init of its pid namespace and reaps until the program ends.

The program is pid 2 or later, so signals that it sends itself work as anywhere. It holds no descriptor of the service's, and this
process is undumpable, so a program cannot forge how it was killed.

A parked program is started ahead of need and waits for its orders. It is a program of the image, or a fork of this process that
becomes a module of a language (`prepare()`, then `main(order)`): Python programs begin that way, with everything imported. A fork says its exit
code on a pipe and then waits for its destruction, because the end of a large process takes milliseconds. A key stands before the code,
so that a program that writes to every descriptor it finds still ends with its own code. A program that finds the key forges its own
end and no other.
"""

import fcntl
import importlib
import json
import os
import select
import signal

from . import endings, forks, frames, protection, workspace

# Descriptors of a fork that must be out of the way of user code, below the lowest limit on open files.
_PRIVATE_FD = 230
_KEY_SIZE = 16


def run(argv, env, command):
    """Starts the program with the sandbox's stdin, stdout and stderr and waits for its end: {code, signal}."""
    os.close(command)
    workspace.remove_source_when_told(env)
    score = protection.OomScore()
    program = _spawn(argv, env, [])
    score.watch()
    return _wait(program)


def park(argv, env):
    """Starts a program that waits for its orders on descriptor 3: one JSON document, then the end of the stream."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    score = protection.OomScore()
    pid = _spawn(argv, env, [(os.POSIX_SPAWN_DUP2, reader, 3)])
    os.close(reader)
    return Parked(pid, writer, score)


def park_fork(module, template):
    """Forks a process that waits for its orders and then becomes `module`."""
    orders, writer = os.pipe2(os.O_CLOEXEC)
    reader, codes = os.pipe2(os.O_CLOEXEC)
    key = os.urandom(_KEY_SIZE)
    # It waits long, and is not the first that the kernel should kill meanwhile.
    score = protection.OomScore()
    _be_init()
    pid = forks.fork()
    if pid == 0:
        try:
            _become(module, orders, codes, key, template)
        finally:
            os._exit(70)
    os.close(orders)
    os.close(codes)
    return ParkedFork(pid, writer, score, reader, key)


class Parked:
    """A program of the image that waits. If it dies meanwhile, so does the sandbox, for which the service makes another."""

    def __init__(self, pid, orders, score):
        self._pid = pid
        self._orders = orders
        self._score = score
        signal.signal(signal.SIGCHLD, self._lost)

    def _lost(self, *_):
        if os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            os._exit(96)

    def warm(self):
        """A program of the image has no warm-up."""

    def begin(self, orders):
        """Gives it its orders; returns its pid."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._score.watch()
        self._say(json.dumps(orders).encode())
        os.close(self._orders)
        return self._pid

    def run(self, orders, command):
        """Runs it to its end: {code, signal}."""
        os.close(command)
        return _wait(self.begin(orders))

    def _say(self, data):
        view = memoryview(data)
        while view:
            view = view[os.write(self._orders, view) :]


class ParkedFork(Parked):
    """A fork of this process that waits. What can be done ahead of its program is done when it is made."""

    def __init__(self, pid, orders, score, codes, key):
        super().__init__(pid, orders, score)
        self._codes = codes
        self._key = key
        self._said = b''
        self._wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        self._poller = select.poll()
        self._poller.register(codes, select.POLLIN)
        self._poller.register(self._wake, select.POLLIN)

    def warm(self):
        frames.write_frame(self._orders, {'warm': True})

    def begin(self, orders):
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._score.watch()
        frames.write_frame(self._orders, orders)
        os.close(self._orders)
        return self._pid

    def run(self, orders, command):
        pid = self.begin(orders)
        while True:
            ready = dict(self._poller.poll())
            if self._codes in ready:
                said = os.read(self._codes, 65536)
                code = self._code_in(said)
                if code is not None:
                    return {'code': code, 'signal': None}
                if not said:
                    self._poller.unregister(self._codes)  # Closed: its exit tells.
            if self._wake in ready:
                os.read(self._wake, 4096)
                ended = _reap(pid)
                if ended:
                    return ended

    def _code_in(self, said):
        """The exit code, once the key and the code after it have arrived."""
        self._said += said
        at = self._said.find(self._key)
        if at >= 0 and len(self._said) > at + _KEY_SIZE:
            return self._said[at + _KEY_SIZE]
        # Enough for a key that arrives in two parts.
        self._said = self._said[-_KEY_SIZE:]
        return None


def _reap(program):
    """Reaps what has ended; the ending of the program if it is among them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == 0:
            return None
        if pid == program:
            return endings.ending(status)


def _become(module, orders, codes, key, template):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    orders, codes = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _PRIVATE_FD) for fd in (orders, codes))
    low, high = sorted((orders, codes))
    for first, end in ((3, low), (low + 1, high), (high + 1, 65536)):
        os.closerange(first, end)
    protection.dumpable(True)
    template.reseed()
    score = protection.OomScore()
    own = os.getpid()
    program = importlib.import_module(module)
    program.prepare()
    order = frames.read_frame(orders)
    while 'warm' in order:
        template.warm()
        order = frames.read_frame(orders)
    os.close(orders)
    score.give_up()
    supervised = 'tools' in order
    if supervised:
        os.close(codes)
    code = program.main(order)
    # A fork of the program's that ran off the end of its source is not the program. A supervisor waits for exits alone.
    if os.getpid() != own or supervised:
        os._exit(code)
    try:
        os.write(codes, key + bytes([code]))
    except OSError:
        os._exit(code)  # The program closed every descriptor: its exit says the same.
    while True:
        try:
            signal.pause()
        except BaseException:
            pass  # A handler of the program's.


def _be_init():
    """Before a program lives: it has our user and could otherwise write our memory. Its exec makes it dumpable again."""
    protection.dumpable(False)
    # Of the signals that a program sends its init, only those with a handler arrive.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _spawn(argv, env, actions):
    score = protection.OomScore()
    _be_init()
    try:
        with score.expendable():
            return os.posix_spawnp(
                argv[0],
                argv,
                {**os.environ, **env},
                file_actions=actions,
                setsigmask=[],
                setsigdef=[signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ],
            )
    finally:
        score.close()


def _wait(program):
    """Reaps everything until the program itself ends; what it left behind dies with the sandbox."""
    while True:
        pid, status = os.wait()
        if pid == program:
            return endings.ending(status)
