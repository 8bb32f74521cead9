"""The kernels of a live session: starts them, each in a working directory of its own, and knows them by their ids.

A kernel is started as its order's `start` says: {module}, a fork of this process that becomes `serve(orders, events, saved, given)` of
a module of a language; {script}, a fork that runs a file of Python; or {argv}, a program of the image. All read cells on one pipe and
write events on another (kernel_link.py), and where the sandbox has the pipes of bulk.py, those are `saved` and `given`.
"""

import errno
import importlib
import os
import select
import signal

from . import kernel_link, native, protection, workspace
from .kernel_child import Kernel

# In one session.
MOST = 16
# Signals that the supervisor does not die of: where it is the first process of a kernel that spares none, programs may send it SIGUSR1.
UNHEEDED = (signal.SIGINT, signal.SIGUSR1)
# The supervisor must get its turn among however many processes of the user: they share the sandbox's share of the processor.
_NICE = 10


class Refused(Exception):
    """A kernel cannot be started; the text says why."""


class Kernels:
    def __init__(self, poller, score, template, bulk):
        """`score`: the OomScore of this process. `bulk`: the pipes for states, or None."""
        self._poller = poller
        self._score = score
        self._template = template
        self._bulk = [bulk.saved, bulk.given] if bulk else []
        self._by_id = {}

    def __contains__(self, identity):
        return identity in self._by_id

    def __getitem__(self, identity):
        return self._by_id[identity]

    def items(self):
        return list(self._by_id.items())

    def with_pid(self, pid):
        """The id of the kernel that is this process, or None."""
        return next((identity for identity, kernel in self._by_id.items() if kernel.pid == pid), None)

    def start(self, identity, start, folder):
        """Starts a kernel. Raises Refused; its `__cause__` is an OSError with EAGAIN or ENOMEM where no process could be had."""
        if len(self._by_id) >= MOST:
            raise Refused(f'a session has at most {MOST} kernels at once')
        try:
            inside = workspace.open_folder(folder)
        except OSError as error:
            raise Refused(f'the working directory {folder} cannot be used: {error.strerror}') from None
        # Children begin where this process is.
        os.fchdir(inside)
        try:
            self._by_id[identity] = kernel = self._start(start)
        except OSError as error:
            raise Refused(f'the kernel cannot be started: {error.strerror}') from error
        finally:
            os.chdir(workspace.WORKSPACE)
            os.close(inside)
        self._poller.register(kernel.events, select.POLLIN)

    def stop(self, identity):
        """Ends a kernel and the processes of its group, and waits for its end."""
        if identity in self._by_id:
            kernel = self._by_id[identity]
            kernel.signal(signal.SIGKILL)
            os.waitpid(kernel.pid, 0)
            self.forget(identity)

    def forget(self, identity):
        """The kernel has ended."""
        kernel = self._by_id.pop(identity)
        self.deafen(kernel)
        kernel.close()

    def deafen(self, kernel):
        """Its pipe has ended."""
        try:
            self._poller.unregister(kernel.events)
        except KeyError:
            pass  # That was noticed before.

    def fork(self, become):
        """A child that belongs to the user from its first line on. `become` never returns."""
        with self._score.expendable():
            pid = os.fork()
            if pid == 0:
                try:
                    signal.set_wakeup_fd(-1)
                    for number in (signal.SIGCHLD, signal.SIGUSR1):
                        signal.signal(number, signal.SIG_DFL)
                    become()
                finally:
                    os._exit(70)
            return pid

    def let_go(self):
        """In a fork: it is not the supervisor any more."""
        os.setpgid(0, 0)
        os.nice(_NICE)
        protection.dumpable(True)
        native.bound_memory()
        self._template.reseed()

    def spawn(self, argv, env, actions=(), own_session=False):
        """Starts a program of the image in a process group of its own, or in a session of its own; returns its pid."""
        apart = {'setsid': True} if own_session else {'setpgroup': 0}
        with self._score.expendable():
            pid = os.posix_spawnp(
                argv[0],
                argv,
                env,
                file_actions=actions,
                **apart,
                setsigmask=[],
                setsigdef=[*UNHEEDED, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD],
            )
        os.setpriority(os.PRIO_PROCESS, pid, _NICE)
        return pid

    def _start(self, start):
        is_module = 'module' in start
        pipes = [os.pipe2(os.O_CLOEXEC) for _ in range(2 if is_module else 3)]
        # Orders and interrupts go to it, events come back.
        (orders_in, orders_out), (events_in, events_out), *more = pipes
        interrupts_in, interrupts_out = more[0] if more else (None, None)
        theirs = [fd for fd in (orders_in, events_out, interrupts_in) if fd is not None]
        links = [*theirs, *self._bulk]
        try:
            if is_module:
                pid = self.fork(lambda: self._become_kernel(start['module'], orders_in, events_out))
            elif 'script' in start:
                pid = self.fork(lambda: self._become_script(start['script'], links))
            else:
                pid = self._spawn_kernel(start['argv'], *links)
        except OSError:
            for fd in (orders_out, events_in, interrupts_out):
                if fd is not None:
                    os.close(fd)
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        os.set_blocking(events_in, False)
        if interrupts_out is not None:
            os.set_blocking(interrupts_out, False)
        return Kernel(pid, orders_out, events_in, interrupts_out)

    def _become_kernel(self, module, orders, events):
        orders, events, *bulk = kernel_link.keep_only(orders, events, *self._bulk)
        self.let_go()
        importlib.import_module(module).serve(orders, events, *bulk)

    def _become_script(self, path, links):
        """A kernel for another language, written in Python: with the descriptors that a program of the image has."""
        for fd, at in _places(links):
            os.dup2(fd, at, inheritable=at == 0)
        os.closerange(3 + len(links), 65536)
        self.let_go()
        with open(path, 'rb') as file:
            body = compile(file.read(), path, 'exec', dont_inherit=True)
        exec(body, {'__name__': '__main__', '__file__': path})

    def _spawn_kernel(self, argv, *links):
        places = _places(links)
        try:
            return self.spawn(argv, os.environ, [(os.POSIX_SPAWN_DUP2, fd, at) for fd, at in places])
        finally:
            for fd, _ in places:
                os.close(fd)


def is_for_want_of_processes(refused):
    """Whether a kernel could not be started because the user's processes have taken every place."""
    cause = refused.__cause__
    return isinstance(cause, OSError) and cause.errno in (errno.EAGAIN, errno.ENOMEM)


def _places(links):
    """[(descriptor, the one it is to become)] for a kernel that is not a fork: no input, and its links from 3 on."""
    null = os.open('/dev/null', os.O_RDONLY | os.O_CLOEXEC)
    # Through higher numbers: one of them may be a target of another.
    high = [os.dup2(fd, 200 + at, inheritable=False) for at, fd in enumerate(links)]
    return [(null, 0), *zip(high, range(3, 3 + len(high)))]
