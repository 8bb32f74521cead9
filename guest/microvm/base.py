"""What a zygote runs in, inside the machine: the same that bubblewrap makes of a host (src/sandbox/namespaces/bubblewrap.ts)."""

import ctypes
import os
import socket
import sys

_libc = ctypes.CDLL(None, use_errno=True)
_NEWNS, _NEWUTS, _NEWIPC, _NEWNET, _NEWCGROUP = 0x20000, 0x4000000, 0x8000000, 0x40000000, 0x2000000
_RDONLY, _NOSUID, _NODEV, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_DETACH = 2
_NODES = ('null', 'zero', 'full', 'random', 'urandom', 'tty')
_LINKS = {'fd': '/proc/self/fd', 'stdin': '/proc/self/fd/0', 'stdout': '/proc/self/fd/1', 'stderr': '/proc/self/fd/2', 'ptmx': 'pts/ptmx'}
_GROUPS = '/sys/fs/cgroup'
CONTROL = 3


def _checked(result, what):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f'{what}: {os.strerror(code)}')


def mount(source, target, kind, flags, options=None):
    encoded = [text.encode() if text else None for text in (source, target, kind)]
    _checked(_libc.mount(*encoded, ctypes.c_ulong(flags), options.encode() if options else None), f'mount {target}')


def open_groups():
    """Makes the control group of the sandbox. Returns a descriptor of its directory."""
    mount('cgroup2', _GROUPS, 'cgroup2', _NOSUID | _NODEV)
    with open(f'{_GROUPS}/cgroup.subtree_control', 'w') as file:
        file.write('+memory +pids')
    os.mkdir(f'{_GROUPS}/sandbox')
    return os.open(f'{_GROUPS}/sandbox', os.O_RDONLY | os.O_DIRECTORY)


def start_zygote(command, environment):
    """Starts a zygote in a base of its own. Returns its process and the socket to it."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            os.dup2(theirs.fileno(), CONTROL)
            _enter_base()
            os.closerange(CONTROL + 1, 1 << 16)
            os.execve(command[0], command, environment)
        except BaseException as error:
            print(f'microvm: {error}', file=sys.stderr, flush=True)
        os._exit(1)
    theirs.close()
    return pid, ours


def _enter_base():
    os.setsid()
    _checked(_libc.unshare(_NEWNS | _NEWUTS | _NEWIPC | _NEWNET | _NEWCGROUP), 'unshare')
    mount(None, '/', None, _REC | _PRIVATE)
    for place in (_GROUPS, '/sys'):
        _checked(_libc.umount2(place.encode(), _DETACH), f'umount {place}')
    _make_devices()
    mount('tmp', '/tmp', 'tmpfs', _NOSUID | _NODEV, 'mode=1777,size=64m')
    mount('home', '/home', 'tmpfs', _NOSUID | _NODEV, 'mode=755,size=64k')
    os.symlink('/mnt/data', '/home/user')
    for place in ('/home', '/dev', '/'):
        mount(None, place, None, _REMOUNT | _BIND | _RDONLY | _NOSUID | (0 if place == '/dev' else _NODEV))
    socket.sethostname('sandbox')
    os.chdir('/')
    os.umask(0o22)


def _make_devices():
    """The machine has few devices, and a program sees none but these."""
    nodes = [os.open(f'/dev/{name}', os.O_PATH) for name in _NODES]
    mount('dev', '/dev', 'tmpfs', _NOSUID, 'mode=755,size=64k')
    for name, node in zip(_NODES, nodes, strict=True):
        os.close(os.open(f'/dev/{name}', os.O_CREAT | os.O_WRONLY, 0o666))
        mount(f'/proc/self/fd/{node}', f'/dev/{name}', None, _BIND)
    for name in ('shm', 'pts'):
        os.mkdir(f'/dev/{name}')
    for name, target in _LINKS.items():
        os.symlink(target, f'/dev/{name}')
