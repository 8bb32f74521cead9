"""The system calls the guest needs and the standard library lacks. Trusted code; nothing here reads what a user sent."""

import ctypes
import os
import platform
import struct

# PyDLL keeps the interpreter lock over the call: a fork must not let another thread run in between.
_libc = ctypes.PyDLL(None, use_errno=True)

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
_CLONE_PIDFD = 0x00001000
_CLONE_CHILD_CLEARTID = 0x00200000
_CLONE_CHILD_SETTID = 0x01000000
_SIGCHLD = 17

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18

_MACHINES = {'x86_64': {'clone': 56, 'capset': 126}, 'aarch64': {'clone': 220, 'capset': 91}}
if platform.machine() not in _MACHINES:
    raise RuntimeError(f'no system call numbers for {platform.machine()}')
_NUMBERS = _MACHINES[platform.machine()]

_PR_SET_SECCOMP = 22
_PR_CAPBSET_DROP = 24
_PR_SET_SECUREBITS = 28
_PR_SET_NO_NEW_PRIVS = 38
_PR_GET_TID_ADDRESS = 40
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_SECCOMP_MODE_FILTER = 2
# NOROOT, NO_SETUID_FIXUP and KEEP_CAPS off for good, each with its lock: no exec ever gives capabilities back.
_SECUREBITS = 0x2F


def _checked(result, what):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f'{what}: {os.strerror(code)}')
    return result


def _tid_address():
    """glibc's own thread-id field: a raw clone has to keep it right, or pthread functions see the parent's id."""
    address = ctypes.c_long(0)
    _checked(_libc.prctl(_PR_GET_TID_ADDRESS, ctypes.byref(address), 0, 0, 0), 'prctl(PR_GET_TID_ADDRESS)')
    return address.value


_TID = _tid_address()


def clone(flags):
    """fork() into new namespaces: one process, pid 1 of its own pid namespace. Returns its pid and a descriptor of it; (0, None) in
    the child.

    There must be a single thread. Python's fork hooks do not run (forks.py).
    """
    flags = ctypes.c_ulong(flags | _SIGCHLD | _CLONE_PIDFD | _CLONE_CHILD_SETTID | _CLONE_CHILD_CLEARTID)
    tid, nothing = ctypes.c_void_p(_TID), ctypes.c_void_p(0)
    pidfd = ctypes.c_int(-1)
    # The last two arguments change places between the architectures.
    tail = (tid, nothing) if platform.machine() == 'x86_64' else (nothing, tid)
    pid = _libc.syscall(_NUMBERS['clone'], flags, nothing, ctypes.byref(pidfd), *tail)
    code = ctypes.get_errno()
    if pid == 0:
        return 0, None
    if pid < 0:
        raise OSError(code, f'clone: {os.strerror(code)}')
    return pid, pidfd.value


def mount(source, target, kind, flags, options=None):
    def text(value):
        return None if value is None else value.encode()

    _checked(_libc.mount(text(source), target.encode(), text(kind), ctypes.c_ulong(flags), text(options)), f'mount {target}')


def set_hostname(name):
    encoded = name.encode()
    _checked(_libc.sethostname(encoded, len(encoded)), 'sethostname')


def drop_capabilities():
    """Empties every capability set, the bounding set too, and locks the way back."""
    _checked(_libc.prctl(_PR_SET_SECUREBITS, _SECUREBITS, 0, 0, 0), 'prctl(PR_SET_SECUREBITS)')
    with open('/proc/sys/kernel/cap_last_cap') as file:
        last = int(file.read())
    for capability in range(last + 1):
        _checked(_libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0), 'prctl(PR_CAPBSET_DROP)')
    _checked(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), 'prctl(PR_CAP_AMBIENT)')
    header = ctypes.create_string_buffer(struct.pack('Ii', 0x20080522, 0), 8)
    _checked(_libc.syscall(_NUMBERS['capset'], header, ctypes.create_string_buffer(24)), 'capset')


def no_new_privileges():
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 'prctl(PR_SET_NO_NEW_PRIVS)')


class SeccompFilter:
    """A compiled filter, kept in memory so that installing it costs one system call."""

    def __init__(self, program):
        if not program or len(program) % 8:
            raise ValueError('a seccomp program is a non-empty array of 8-byte instructions')
        self._instructions = ctypes.create_string_buffer(program, len(program))
        header = struct.pack('HxxxxxxQ', len(program) // 8, ctypes.addressof(self._instructions))
        self._header = ctypes.create_string_buffer(header, 16)

    def install(self):
        _checked(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(self._header), 0, 0), 'prctl(PR_SET_SECCOMP)')
