"""How the agent protects itself against the programs it runs, which have its user id."""

import contextlib
import ctypes
import os

# PyDLL keeps the interpreter lock over the call.
_libc = ctypes.PyDLL(None, use_errno=True)
_PR_SET_DUMPABLE = 4

# When memory runs out, of one sandbox or of the host, the kernel kills programs and what waits to become one first, then the inits of
# programs, because what a killed program left in its file systems is freed with its init alone, then supervisors and the zygote (see
# zygote.ts), and last the service, for which they all work.
_OWN_SCORE = b'500'
_SCORE_OF_INITS = b'900'
_SCORE_OF_PROGRAMS = b'1000'


def dumpable(on):
    """When off, other processes of this user cannot reach this process' memory and descriptors (ptrace, /proc/<pid>/mem and fd).

    A change of user turns it off. In /proc the files of an undumpable process belong to the host's root.
    """
    if _libc.prctl(_PR_SET_DUMPABLE, int(on), 0, 0, 0) < 0:
        code = ctypes.get_errno()
        raise OSError(code, f'prctl(PR_SET_DUMPABLE): {os.strerror(code)}')


class OomScore:
    """This process' place in the order in which the kernel kills when memory runs out.

    Make it while the process is dumpable: the files of an undumpable process are not its own.
    """

    def __init__(self, fd=None):
        """`fd`: the file, where it is open already."""
        self._fd = _open_score() if fd is None else fd

    @contextlib.contextmanager
    def expendable(self):
        """Processes started within are killed before this one: they inherit the score, which is then lowered again here."""
        os.write(self._fd, _SCORE_OF_PROGRAMS)
        try:
            yield
        finally:
            os.write(self._fd, _OWN_SCORE)

    def watch(self):
        """This process is the init of a program that runs, and reports its end; nothing else is lost with it."""
        os.write(self._fd, _SCORE_OF_INITS)
        os.close(self._fd)

    def give_up(self):
        """This process is a program from now on."""
        os.write(self._fd, _SCORE_OF_PROGRAMS)
        os.close(self._fd)


def _open_score():
    try:
        return os.open('/proc/self/oom_score_adj', os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        # In gVisor, which has no such order, /proc does not show the first process (native/alone.c).
        return os.open('/dev/null', os.O_WRONLY | os.O_CLOEXEC)
