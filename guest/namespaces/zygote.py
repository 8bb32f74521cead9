"""The zygote: imports once what programs will want, then forks a sandbox whenever the service asks for one.

Theory of operation. The service (Node) and this process share a socket on descriptor 3, JSON lines both ways:

    service -> zygote   {"op":"spawn","id":…,"user":…,"group":…,"sizes":{…}}   {"op":"opened","id":…}   {"op":"kill","id":…}
    zygote  -> service  {"event":"zygote"}   {"event":"spawned","id":…,"pidfd":…,"fds":[command,claims,stdout,stderr]}
                        {"event":"exit","id":…,"code":…,"signal":…}   {"event":"failed","id":…,"message":…}

For each sandbox the zygote makes four pipes; the service opens its ends through /proc/<zygote>/fd, reads the
process' pid from /proc/<zygote>/fdinfo and says "opened", and only then are they closed here. No listening socket and no token exist, and the program's stdout is a real pipe.

Nothing that belongs to a user ever passes through this process, because every later sandbox inherits its memory: it sees
opaque ids and sizes. It is the only parent of the sandboxes, so the exit status it reads is the truth and a pid it kills
cannot have been taken by another process.
"""

import gc
import json
import os
import select
import signal
import sys
import traceback

from ..agent import endings, immortal, pages, rehearsal, templates
from . import confine, first_process, syscalls

_CONTROL = 3


class Zygote:
    def __init__(self, template, seccomp, entrances):
        """`entrances`: descriptors of the directories through which a sandbox enters its control group."""
        self._template = template
        self._seccomp = seccomp
        self._entrances = entrances
        self._ids = {}  # pid -> id
        self._pids = {}  # id -> pid
        self._held = {}  # id -> the service's ends of the pipes and the pidfd, until it has opened them

    def serve(self):
        """Answers the service until it goes away."""
        wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poller = select.poll()
        poller.register(_CONTROL, select.POLLIN)
        poller.register(wake, select.POLLIN)
        self._say({'event': 'zygote'})
        buffered = b''
        while True:
            ready = [fd for fd, _ in poller.poll()]
            if wake in ready:
                os.read(wake, 4096)
                self._reap()
            if _CONTROL in ready:
                received = os.read(_CONTROL, 65536)
                if not received:
                    return
                *lines, buffered = (buffered + received).split(b'\n')
                for line in lines:
                    self._obey(json.loads(line))

    def _say(self, message):
        view = memoryview(json.dumps(message).encode() + b'\n')
        while view:
            view = view[os.write(_CONTROL, view) :]

    def _obey(self, order):
        identity = order['id']
        match order['op']:
            case 'spawn':
                self._spawn(identity, order.get('user'), order['group'], order['sizes'])
            case 'opened':
                self._release(identity)
            case 'kill':
                if identity in self._pids:
                    os.kill(self._pids[identity], signal.SIGKILL)

    def _spawn(self, identity, user, group, sizes):
        inner, outer = [], []
        mapped, map_done = os.pipe2(os.O_CLOEXEC)
        for readable_inside in (True, False, False, False):
            reader, writer = os.pipe2(os.O_CLOEXEC)
            if not readable_inside:
                # A sandbox's own user is not ours, and opens them by name, too: `echo problem > /dev/stderr`.
                os.fchmod(writer, 0o666)
            inner.append(reader if readable_inside else writer)
            outer.append(writer if readable_inside else reader)
        try:
            pid, pidfd = syscalls.clone(confine.NAMESPACES)
        except OSError as error:
            for fd in [*inner, *outer, mapped, map_done]:
                os.close(fd)
            self._say({'event': 'failed', 'id': identity, 'message': str(error)})
            return
        if pid == 0:
            os.close(map_done)
            first_process.main(inner, mapped, [(at, group) for at in self._entrances], sizes, self._template, self._seccomp)
        try:
            confine.map_user(pid, os.getuid() if user is None else user)
            os.write(map_done, b'1')
        except OSError as error:
            os.kill(pid, signal.SIGKILL)
            print(f'no user map: {error}', file=sys.stderr)
        for fd in [*inner, mapped, map_done]:
            os.close(fd)
        self._ids[pid], self._pids[identity], self._held[identity] = identity, pid, [*outer, pidfd]
        self._say({'event': 'spawned', 'id': identity, 'pidfd': pidfd, 'fds': outer})

    def _release(self, identity):
        for fd in self._held.pop(identity, ()):
            os.close(fd)

    def _reap(self):
        while self._ids:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            identity = self._ids.pop(pid, None)
            if identity is None:
                continue
            del self._pids[identity]
            self._release(identity)
            self._say({'event': 'exit', 'id': identity, **endings.ending(status)})


def main():
    """Settings come as JSON in the first argument: imports (module names), warm (a guest module or null), parked (modules that forks
    become), entrances (descriptors)."""
    settings = json.loads(sys.argv[1])
    with open('/opt/dragoman/seccomp.bpf', 'rb') as file:
        seccomp = syscalls.SeccompFilter(file.read())
    for fd in settings['entrances']:
        os.set_inheritable(fd, False)
    template = templates.load(settings['imports'], settings['warm'], settings['parked'])
    # A second thread would be lost in the clone, and whatever lock it held with it.
    if len(os.listdir('/proc/self/task')) != 1:
        raise RuntimeError('the template left a thread running')
    rehearsal.rehearse()
    gc.collect()
    gc.disable()
    immortal.everything_loaded()
    gc.collect()
    gc.freeze()
    pages.collapse()
    Zygote(template, seccomp, settings['entrances']).serve()


def start():
    """Never returns."""
    try:
        main()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
