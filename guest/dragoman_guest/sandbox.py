"""A sandbox's first process: confines itself, parks, and does what the service asks on its command pipe.

Frames in (see frames.py): write {path,size,mode} followed by the bytes; stdin {size} followed by the bytes; warm; park {argv,env};
run {kind,token,…}; serve, after which the frames are those of supervisor.py. Frames out are claims, bounded and never trusted by
the service: ready, parked, done {token,code,signal}, fault {message}. The token says which run is done: the end of a cell that
was thought over must not pass for the next one's. Everything up to the first `run` is trusted code; in a Python program
everything after it may be the user's.
"""

import fcntl
import gc
import os
import signal
import traceback

from . import confine, frames, program, script, supervisor

# Out of the way of user code, below the lowest limit on open files.
_PRIVATE_FDS = 240


def main(pipes, mapped, sizes, template, seccomp):
    """Never returns. `pipes`: command (read), claims, stdout, stderr (write). `mapped`: readable once we are somebody."""
    try:
        # End of file: the zygote could not map a user, and a sandbox without one must not be.
        frames.read_exactly(mapped, 1)
        Sandbox(pipes, template).run(sizes, seccomp)
    except frames.Closed:
        os._exit(0)
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        os._exit(97)


class Sandbox:
    def __init__(self, pipes, template):
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
        self.parked = None
        self._faulty = False

    def run(self, sizes, seccomp):
        confine.enter(sizes)
        confine.lock_down(seccomp, sizes['openFiles'])
        self._template.reseed()
        gc.enable()
        self._claim({'claim': 'ready'})
        while True:
            frame = frames.read_frame(self._command)
            match frame['op']:
                case 'write':
                    self.write(frame)
                case 'stdin':
                    self._stdin(frame['size'])
                case 'warm':
                    self._template.warm()
                case 'park':
                    self._open_input()
                    self.parked = program.park(frame['argv'], frame['env'])
                    self._claim({'claim': 'parked'})
                case 'run':
                    self._run(frame)
                case 'serve':
                    supervisor.Supervisor(self._command, self._claim, self._template, self).serve()

    def _claim(self, value):
        frames.write_frame(self._claims, value)

    def write(self, frame):
        """Puts one file into the workspace. The service has checked the path; a full disk is reported, not fatal."""
        path = os.path.join(confine.WORKSPACE, frame['path'])
        left = frame['size']
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            # The workspace may be a running program's: what it has put there instead, a pipe say, must not hold us up.
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            fd = os.open(path, flags, 0o644)
            try:
                while left:
                    # From the pipe into the file without a copy of ours: compiled programs are megabytes, and come with every run.
                    part = os.splice(self._command, fd, left)
                    if not part:
                        raise frames.Closed
                    left -= part
                os.fchmod(fd, frame['mode'])
            finally:
                os.close(fd)
        except OSError as error:
            while left:
                left -= len(frames.read_exactly(self._command, min(left, 1 << 20)))
            self._faulty = True
            self._claim({'claim': 'fault', 'message': f'{frame["path"]}: {error.strerror}'})

    def remove(self, path):
        """Removes one file of the workspace, if it is there."""
        try:
            os.unlink(os.path.join(confine.WORKSPACE, path))
        except OSError:
            pass

    def _stdin(self, size):
        body = memoryview(frames.read_exactly(self._command, size))
        if self.parked is None:
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
            return  # The service has heard of it; a program must not start without its inputs.
        match frame['kind']:
            case 'program':
                self._finish(frame, program.run(frame['argv'], frame['env'], self._command))
            case 'parked':
                self._finish(frame, self.parked.run({'entry': frame['entry'], 'args': frame['args']}, self._command))
            case 'script':
                os.close(self._command)
                score = confine.open_oom_score()
                os.write(score, confine.OOM_SCORE_OF_PROGRAMS)
                os.close(score)
                self._finish(frame, {'code': script.run(frame['entry'], frame['args'], frame['env']), 'signal': None})

    def _finish(self, frame, ended):
        """The last thing a one-shot sandbox does: it is frozen and destroyed at this claim.

        It waits for that, because a process in the middle of its exit cannot be frozen and would keep the result waiting.
        """
        self._end(frame, ended)
        while True:
            signal.pause()

    def _end(self, frame, ended):
        if os.getpid() != 1:
            # A fork of the program's that ran off the end of its source, not the program.
            os._exit(ended['code'])
        try:
            self._claim({'claim': 'done', 'token': frame['token'], **ended})
        except OSError:
            # A program that closed every descriptor: its exit says the same.
            os._exit(ended['code'])
