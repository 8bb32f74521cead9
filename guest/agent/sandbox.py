"""A sandbox's first process: shuts itself in, parks, and does what the service asks on its command pipe.

Frames in (see frames.py): write {path,size,mode} followed by the bytes; stdin {size} followed by the bytes; warm; park {argv,env} or
park {module}; run {kind,token,…}; serve, after which the frames are those of supervisor.py. Frames out are claims, bounded and never
trusted by the service: ready, parked, done {token,code,signal}, fault {message}. The token says which run is done, so that the late
end of one cell does not pass for the next one's. Everything in this process is trusted code: programs are its children.
"""

import fcntl
import gc
import os
import signal

from . import frames, program, supervisor, workspace

# Out of the way of user code, below the lowest limit on open files.
_PRIVATE_FDS = 240


class Sandbox:
    def __init__(self, pipes, template):
        """`pipes`: command (read), claims, stdout, stderr (write)."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        command, claims, stdout, stderr = pipes
        os.dup2(os.open('/dev/null', os.O_RDONLY), 0)
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        self._command = fcntl.fcntl(command, fcntl.F_DUPFD_CLOEXEC, _PRIVATE_FDS)
        self._claims = fcntl.fcntl(claims, fcntl.F_DUPFD_CLOEXEC, _PRIVATE_FDS)
        # Other sandboxes' pipes may still be open in the zygote and so here.
        low, high = sorted((self._command, self._claims))
        for first, end in ((3, low), (low + 1, high), (high + 1, 65536)):
            os.closerange(first, end)
        self._template = template
        self._parked = None
        self._faulty = False

    def run(self, confine):
        """Never returns. `confine()` makes this process a sandbox, whatever its boundary."""
        confine()
        gc.enable()
        self._claim({'claim': 'ready'})
        while True:
            frame = frames.read_frame(self._command)
            match frame['op']:
                case 'write':
                    self._write(frame)
                case 'folder':
                    workspace.make_folder(frame['path'])
                case 'stdin':
                    self._stdin(frame['size'])
                case 'warm':
                    self._warm()
                case 'park':
                    self._park(frame)
                case 'run':
                    self._run(frame)
                case 'serve':
                    supervisor.Supervisor(self._command, self._claim, self._aside, self._template, self._parked).serve(
                        frame.get('bulk', False)
                    )

    def _warm(self):
        if self._parked is None:
            self._template.reseed()
        (self._parked or self._template).warm()

    def _claim(self, value):
        frames.write_frame(self._claims, value)

    def _aside(self, content):
        frames.write_all(self._claims, content)

    def _write(self, frame):
        fault = workspace.write(self._command, frame)
        if fault:
            self._faulty = True
            self._claim({'claim': 'fault', 'message': fault})

    def _park(self, frame):
        self._open_input()
        if 'module' in frame:
            self._parked = program.park_fork(frame['module'], self._template)
        else:
            self._parked = program.park(frame['argv'], frame['env'])
        self._claim({'claim': 'parked'})

    def _stdin(self, size):
        body = memoryview(frames.read_exactly(self._command, size))
        if self._parked is None:
            self._open_input()
        # A parked program shares the file's position, so it stays at the start.
        at = 0
        while at < size:
            at += os.pwrite(0, body[at:], at)

    def _open_input(self):
        """Makes standard input an empty file."""
        fd = os.open('/tmp', os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        os.dup2(fd, 0)
        os.close(fd)

    def _run(self, frame):
        if self._faulty:
            return  # The service has heard of it. A program must not start without its inputs.
        match frame['kind']:
            case 'program':
                ended = program.run(frame['argv'], frame['env'], self._command)
            case 'parked':
                ended = self._parked.run({key: frame[key] for key in ('entry', 'args', 'stays')}, self._command)
        self._claim({'claim': 'done', 'token': frame['token'], **ended})
        # A process in the middle of its exit cannot be frozen and would keep the result waiting, so it waits for its destruction.
        while True:
            signal.pause()
