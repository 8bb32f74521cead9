"""The first process of a live session's sandbox: keeps interpreters as children and speaks with the service for them.

Frames in, after `serve`: write {path,size,mode} and its bytes; remove {path}; sync {token}; cell {token,kernel,language,argv,script,
size,tools} and the code; program {token,kind,entry,…} (tool_program.py); interrupt {token}; kill {token}; seen {token,mark}; restart
{token}; answer {id,error,size} and the value of a tool. Claims out: done {token,code,signal,interpreter}, fault {message}, event
{token,event}; call {token,id,name,input} and waiting {token,pending} of tool calls (tool_channel.py). A kernel is named by the
service; it is a fork of this process when `argv` is null (Python, with everything the template imported, or what `script` makes of
it), else a program of the image. It reads cells on one pipe and writes events on another (kernel_link.py).

Everything a user's code can reach is in the children: they hold no pipe of the service's, and this process is undumpable, so
what it claims about their end is its own word. What a kernel says of its cells is passed on within bounds and trusted by nobody.
"""

import contextlib
import errno
import os
import select
import signal

from . import confine, endings, frames, kernel_link, python_kernel, syscalls, tool_channel
from .kernel_child import Kernel

# The supervisor must have its turn among however many processes of a user's: they share what the sandbox has, and no more.
_NICE = 10


class Supervisor:
    def __init__(self, command, claim, template, files):
        """`claim` sends a claim; `files` writes and removes files of the workspace (see sandbox.py)."""
        self._command = command
        self._claim = claim
        self._template = template
        self._files = files
        self._kernels = {}  # name -> Kernel
        self._running = None  # (token, name of the kernel, or None for a program)
        self._program = None  # pid of the program that runs
        self._begun = False  # The running cell can be interrupted.
        self._interrupted = False  # Somebody asked for that before.
        self._poller = select.poll()

    def serve(self):
        """Never returns; the service ends the sandbox."""
        # Nothing of a user's runs yet.
        syscalls.dumpable(True)
        self._oom_score = confine.open_oom_score()
        syscalls.dumpable(False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._poller.register(self._command, select.POLLIN)
        self._poller.register(self._wake, select.POLLIN)
        # Before anybody else can take its address.
        self._tools = tool_channel.ToolChannel(self._poller, self._claim_for_cell)
        while True:
            ready = dict(self._poller.poll(self._tools.look_in()))
            # What a kernel said before it died comes before its death.
            for name, kernel in list(self._kernels.items()):
                if kernel.events in ready:
                    self._hear(name, kernel)
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._reap()
            self._tools.serve(ready)
            if self._command in ready:
                self._obey(frames.read_frame(self._command))
            self._tools.settle()

    def _obey(self, frame):
        match frame['op']:
            case 'write':
                self._files.write(frame)
            case 'remove':
                self._files.remove(frame['path'])
            case 'sync':
                self._end(frame['token'], {'code': 0, 'signal': None}, 'none')
            case 'cell':
                self._cell(frame)
            case 'program':
                self._run_program(frame)
            case 'seen':
                if self._running and self._running[0] == frame['token'] and self._running[1] in self._kernels:
                    self._kernels[self._running[1]].acknowledge(frame['mark'])
            case 'answer':
                self._tools.answer(frame['id'], frame['error'], frames.read_exactly(self._command, frame['size']))
            case 'interrupt' | 'kill' as op:
                if self._running and self._running[0] == frame['token']:
                    if op == 'kill':
                        self._signal(signal.SIGKILL)
                    elif self._begun:
                        self._interrupt()
                    else:
                        self._interrupted = True
            case 'restart':
                self._restart()
                self._end(frame['token'], {'code': 0, 'signal': None}, 'none')

    def _cell(self, frame):
        name = frame['kernel']
        code = frames.read_exactly(self._command, frame['size'])
        if name not in self._kernels and not self._can_start(name, frame['argv'], frame['script']):
            self._end(frame['token'], {'code': 1, 'signal': None}, 'lost')
            return
        self._kernels[name].begin()
        self._running = (frame['token'], name)
        self._begun = self._interrupted = False
        tools = frame.get('tools', [])
        self._tools.open(tool['name'] for tool in tools)
        try:
            order = {'cell': frame['token'], 'code': code.decode(), 'language': frame['language'], 'tools': tools}
            kernel_link.send(self._kernels[name].orders, order)
        except OSError:
            pass  # It is dead, and about to be reaped: that ends the cell.

    def _run_program(self, frame):
        """Starts a program that runs once and may call tools."""
        tools = frame['tools']
        self._running = (frame['token'], None)
        self._begun = True
        self._tools.open(tool['name'] for tool in tools)
        match frame['kind']:
            case 'script':
                self._program = self._fork(lambda: self._become_program(frame['entry'], frame['args'], tools))
            case 'program':
                with self._expendable():
                    self._program = _spawn(frame['argv'], {**os.environ, **frame['env']}, [])
            case 'parked':
                orders = {'entry': frame['entry'], 'args': frame['args'], 'tools': tools}
                self._program = self._files.parked.begin(orders)

    def _can_start(self, name, argv, script):
        """Starts a kernel. Where what cells left behind has taken every process, that goes first, the other kernels with it."""
        for attempt in range(2):
            try:
                self._start(name, argv, script)
                return True
            except OSError as error:
                if attempt > 0 or error.errno not in (errno.EAGAIN, errno.ENOMEM):
                    return False
                self._restart()

    def _start(self, name, argv, script):
        """Raises OSError when there is no process to be had, or no such program."""
        is_python = argv is None and script is None
        pipes = [os.pipe2(os.O_CLOEXEC) for _ in range(2 if is_python else 3)]
        # Orders and interrupts go to it, events come back.
        (orders_in, orders_out), (events_in, events_out), *more = pipes
        interrupts_in, interrupts_out = more[0] if more else (None, None)
        theirs = [fd for fd in (orders_in, events_out, interrupts_in) if fd is not None]
        try:
            if is_python:
                pid = self._fork(lambda: self._become_kernel(orders_in, events_out))
            elif script is not None:
                pid = self._fork(lambda: self._become_script(script, theirs))
            else:
                pid = self._spawn_kernel(argv, *theirs)
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
        self._kernels[name] = Kernel(pid, orders_out, events_in, interrupts_out)
        self._poller.register(events_in, select.POLLIN)

    def _fork(self, become):
        """A child that is the user's from its first line on. `become` never returns."""
        with self._expendable():
            pid = os.fork()
            if pid == 0:
                try:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    become()
                finally:
                    os._exit(70)
            return pid

    def _become_kernel(self, orders, events):
        orders, events = kernel_link.keep_only(orders, events)
        self._let_go()
        python_kernel.serve(orders, events)

    def _become_script(self, path, links):
        """A kernel for another language, written in Python: with the descriptors that a program of the image has."""
        for fd, at in _places(links):
            os.dup2(fd, at, inheritable=at == 0)
        os.closerange(3 + len(links), 65536)
        self._let_go()
        with open(path, 'rb') as file:
            body = compile(file.read(), path, 'exec', dont_inherit=True)
        exec(body, {'__name__': '__main__', '__file__': path})

    def _become_program(self, entry, args, tools):
        from . import tool_program

        os.closerange(3, 65536)
        self._let_go()
        os._exit(tool_program.run(entry, args, tools))

    def _let_go(self):
        os.setpgid(0, 0)
        os.nice(_NICE)
        syscalls.dumpable(True)
        self._template.reseed()

    def _spawn_kernel(self, argv, *links):
        places = _places(links)
        try:
            with self._expendable():
                return _spawn(argv, os.environ, [(os.POSIX_SPAWN_DUP2, fd, at) for fd, at in places])
        finally:
            for fd, _ in places:
                os.close(fd)

    @contextlib.contextmanager
    def _expendable(self):
        """What is started within is killed for memory before this process: the score is inherited, then lowered again."""
        os.write(self._oom_score, confine.OOM_SCORE_OF_PROGRAMS)
        try:
            yield
        finally:
            os.write(self._oom_score, confine.OOM_SCORE)

    def _interrupt(self):
        name = self._running[1]
        if name is None:
            self._signal(signal.SIGINT)
        else:
            self._kernels[name].interrupt(self._running[0])

    def _signal(self, number):
        name = self._running[1]
        if name is not None:
            self._kernels[name].signal(number)
            return
        try:
            os.kill(self._program, number)
        except ProcessLookupError:
            pass

    def _claim_for_cell(self, claim):
        """A claim about the cell under way."""
        if self._running:
            self._claim({**claim, 'token': self._running[0]})

    def _hear(self, name, kernel):
        try:
            events, is_open = kernel.read_events()
        except (ValueError, RecursionError):
            kernel.signal(signal.SIGKILL)
            events, is_open = [], False
        if not is_open:
            self._deafen(kernel)
        for event in events:
            # Between cells a kernel has nothing to say; a thread of the user's may, and nobody listens.
            if self._running is None or self._running[1] != name:
                continue
            try:
                self._tell(kernel, self._running[0], event)
            except (ValueError, RecursionError):
                kernel.signal(signal.SIGKILL)  # What Python reads as JSON and the service would not.
                return

    def _tell(self, kernel, token, event):
        match event.get('event'):
            case 'begun':
                self._begun = True
                if self._interrupted:
                    self._interrupted = False
                    kernel.interrupt(token)
            case 'done':
                # The word about a cell that was ended otherwise comes too late.
                if event.get('cell') != token:
                    return
                code = event.get('code')
                known = isinstance(code, int) and 0 <= code <= 255
                self._end(token, {'code': code if known else 1, 'signal': None}, 'kept')
            case _:
                self._claim({'claim': 'event', 'token': token, 'event': event})

    def _deafen(self, kernel):
        try:
            self._poller.unregister(kernel.events)
        except KeyError:
            pass  # Its pipe had ended before.

    def _reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._program and self._running:
                self._end(self._running[0], endings.ending(status), 'none')
                continue
            name = next((name for name, kernel in self._kernels.items() if kernel.pid == pid), None)
            if name is not None:
                self._lose(name, status)

    def _lose(self, name, status):
        kernel = self._kernels[name]
        # What it had started would hold on to its place, and could still write to its pipe.
        kernel.signal(signal.SIGKILL)
        self._hear(name, kernel)
        self._forget(name)
        if self._running and self._running[1] == name:
            self._end(self._running[0], endings.ending(status), 'lost')

    def _forget(self, name):
        kernel = self._kernels.pop(name)
        self._deafen(kernel)
        kernel.close()

    def _restart(self):
        """Ends every process but this one."""
        self._running = self._program = None
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        # All of them: a process that is not reaped still counts against the limit.
        while True:
            try:
                os.wait()
            except ChildProcessError:
                break
        for name in list(self._kernels):
            self._forget(name)

    def _end(self, token, ended, interpreter):
        self._running = self._program = None
        self._tools.close()
        self._claim({'claim': 'done', 'token': token, **ended, 'interpreter': interpreter})


def _places(links):
    """[(descriptor, the one it is to become)] for a kernel that is no Python: no input, and its links from 3 on."""
    null = os.open('/dev/null', os.O_RDONLY | os.O_CLOEXEC)
    # Through higher numbers: one of them may be a target of another.
    high = [os.dup2(fd, 200 + at, inheritable=False) for at, fd in enumerate(links)]
    return [(null, 0), *zip(high, range(3, 3 + len(high)))]


def _spawn(argv, env, actions):
    pid = os.posix_spawnp(
        argv[0],
        argv,
        env,
        file_actions=actions,
        setpgroup=0,
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD],
    )
    os.setpriority(os.PRIO_PROCESS, pid, _NICE)
    return pid
