"""The helper in C (guest/native/): it forks sandboxes, shuts them in and does what the service asks, and says when it is Python's turn.

It has no C library, allocates nothing and touches a handful of pages, where the same steps in Python would write to hundreds that a fork
otherwise shares with its zygote.
"""

import ctypes
import functools
import os

HELPER = '/opt/dragoman/native/helper.so'

# What Python is to do (guest/native/sandbox.h).
BECOME, WARM, SERVE = 1, 2, 3

_MOST_ENTRANCES = 8
_KEY_SIZE = 16


@functools.cache
def _library():
    # PyDLL keeps the interpreter lock over a call: a fork goes on as its holder.
    library = ctypes.PyDLL(HELPER)
    library.dragoman_write.restype = ctypes.c_long
    return library


def bound_memory():
    """In a fork that will run code of a user: where the sandbox has a kernel of its own, its memory is bounded by process as well."""
    _library().dragoman_bound_memory()


def write(command, path, size, mode, modified):
    """Writes a file, with its folders, whose `size` bytes are read from `command`. `modified`: milliseconds since the epoch, or None.
    Raises OSError; the bytes are read then, too."""
    time = None if modified is None else ctypes.byref(ctypes.c_int64(int(modified)))
    size, mode = ctypes.c_int64(size), ctypes.c_int64(mode)
    error = _library().dragoman_write(command, os.fsencode(path), size, mode, time)
    if error < 0:
        raise OSError(-error, os.strerror(-error))


def prepare_to_tell_used(areas):
    """A function that tells a pipe, in a fork, what of these areas (start, size, advice) it has used (guest/native/pages.h)."""
    numbers = _numbers(areas)
    tell = _library().dragoman_tell_used
    return lambda out: tell(numbers, len(areas), out)


def fork_and_wait():
    """Past Python's own hooks, as every fork of a zygote. Returns 0 in the fork; once it has ended, 1, or -1 where it failed."""
    return _library().dragoman_fork_and_wait(ctypes.cast(ctypes.PyDLL(None).fork, ctypes.c_void_p))


def _numbers(areas):
    return (ctypes.c_uint64 * (3 * len(areas)))(*(number for area in areas for number in area))


class _Settings(ctypes.Structure):
    _fields_ = [
        ('entrances', ctypes.c_int * _MOST_ENTRANCES),
        ('entrance_count', ctypes.c_int),
        ('environment', ctypes.c_void_p),
        ('fork', ctypes.c_void_p),
        ('rseq', ctypes.c_void_p),
        ('areas', ctypes.c_void_p),
        ('area_count', ctypes.c_int),
    ]


class _Sandbox(ctypes.Structure):
    """`struct sandbox` of guest/native/sandbox.h: the first process of a sandbox."""

    _fields_ = [
        ('command', ctypes.c_int),
        ('claims', ctypes.c_int),
        ('signals', ctypes.c_int),
        ('is_faulty', ctypes.c_int),
        ('with_bulk', ctypes.c_int),
        ('parked_pid', ctypes.c_int),
        ('parked_orders', ctypes.c_int),
        ('parked_codes', ctypes.c_int),
        ('parked_score', ctypes.c_int),
        ('parked_key', ctypes.c_ubyte * _KEY_SIZE),
        ('parked_is_ahead', ctypes.c_int),
        ('become_orders', ctypes.c_int),
        ('become_codes', ctypes.c_int),
        ('become_score', ctypes.c_int),
        ('become_key', ctypes.c_ubyte * _KEY_SIZE),
        ('become_seed', ctypes.c_ubyte * 32),
        ('module', ctypes.c_char * 256),
        ('saved', ctypes.c_int),
        ('given', ctypes.c_int),
    ]


def _rseq_offset():
    """Where the number is that tells where the C library has what it shares with the kernel; None: it shares nothing."""
    libc = ctypes.PyDLL(None)
    try:
        size, offset = (ctypes.c_int64.in_dll(libc, name) for name in ('__rseq_size', '__rseq_offset'))
    except ValueError:
        return None
    return ctypes.addressof(offset) if size.value & 0xFFFFFFFF else None


class Helper:
    """The loaded helper."""

    def __init__(self, entrances, areas=()):
        """`entrances`: descriptors of the directories through which a sandbox enters its control group. `areas`: memory that a fork which
        is parked has ahead of its orders (pages.touched_by)."""
        if len(entrances) > _MOST_ENTRANCES:
            raise ValueError('more entrances than there are hierarchies')
        self._library = _library()
        # All of it must live as long as the process: the helper holds on to it.
        words = [f'{name}={value}'.encode() for name, value in os.environ.items()]
        self._environment = (ctypes.c_char_p * (len(words) + 1))(*words, None)
        self._areas = _numbers(areas)
        self._fork = ctypes.PyDLL(None).fork
        self._settings = _Settings(
            (ctypes.c_int * _MOST_ENTRANCES)(*entrances),
            len(entrances),
            ctypes.addressof(self._environment),
            ctypes.cast(self._fork, ctypes.c_void_p).value,
            _rseq_offset(),
            ctypes.addressof(self._areas),
            len(areas),
        )

        self.sandbox = _Sandbox()
        self._arguments = (ctypes.byref(self._settings), ctypes.byref(self.sandbox))

    def serve(self):
        """Forks sandboxes until the service goes away, and returns None then. In a fork it returns once there is something for Python
        to do in it: what. `sandbox` describes the fork."""
        return self._library.dragoman_serve(*self._arguments) or None

    def alone(self):
        """Becomes the first process of a sandbox that has a kernel of its own, which begins as the copy of a checkpoint. Returns once there
        is something for Python to do: what."""
        return self._library.dragoman_alone(*self._arguments)

    def obey(self):
        """Obeys the service's orders until one is Python's to carry out. Returns which."""
        return self._library.dragoman_obey(*self._arguments)
