"""Turns a fresh clone into a sandbox: its own view of the system, then no way back.

Both halves run before anything of a user is in the process. Every step that fails ends the sandbox: nothing degrades.
"""

import fcntl
import os
import resource
import socket
import struct

from ..agent import protection, workspace
from . import syscalls as sys_

NAMESPACES = (
    sys_.CLONE_NEWUSER
    | sys_.CLONE_NEWNS
    | sys_.CLONE_NEWPID
    | sys_.CLONE_NEWNET
    | sys_.CLONE_NEWIPC
    | sys_.CLONE_NEWUTS
    | sys_.CLONE_NEWCGROUP
)

# The host's own nodes, bound by bubblewrap. On a read-only mount they still work as devices, but their times, which every sandbox and
# the host would see, cannot be set. bubblewrap cannot do this itself: its read-only mounts have no devices.
_DEVICES = ('null', 'zero', 'full', 'random', 'urandom', 'tty')

# Files of /proc that tell of the host and that no program needs. Each costs every sandbox a mount, so files that the kernel keeps from
# an ordinary user anyway (kcore, kmsg, vmallocinfo …) are not listed.
_HOST_FILES = (
    *('cmdline', 'config.gz', 'diskstats', 'kallsyms', 'keys', 'locks', 'modules', 'partitions'),
    # A process may also ask to be woken by these.
    *('pressure/cpu', 'pressure/io', 'pressure/irq', 'pressure/memory'),
)
_MASKED = [path for path in (f'/proc/{name}' for name in _HOST_FILES) if os.path.exists(path)]

_SIOCSIFFLAGS = 0x8914
_IFF_UP_RUNNING = 0x1 | 0x40


def _write(path, text):
    with open(path, 'w') as file:
        file.write(text)


def _loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack('16sH14x', b'lo', _IFF_UP_RUNNING))


def _tmpfs(target, size, inodes, mode):
    options = f'size={size},nr_inodes={inodes},mode={mode}'
    sys_.mount('tmpfs', target, 'tmpfs', sys_.MS_NOSUID | sys_.MS_NODEV, options)


def map_user(pid, user):
    """Lets the process `pid`, fresh in a user namespace of its own, be 1000 there and `user` of our namespace outside."""
    _write(f'/proc/{pid}/setgroups', 'deny')
    _write(f'/proc/{pid}/uid_map', f'1000 {user} 1')
    _write(f'/proc/{pid}/gid_map', f'1000 {user} 1')


def enter_group(directory, name):
    """Moves this process, which has one thread, into a control group (version 1). By thread this takes the kernel no grace period."""
    fd = os.open(f'{name}/tasks', os.O_WRONLY | os.O_CLOEXEC, dir_fd=directory)
    try:
        os.write(fd, b'0')
    finally:
        os.close(fd)


def enter(sizes):
    """Builds the sandbox's view. `sizes`: workspaceBytes, workspaceFiles, tmpBytes, shmBytes."""
    # Leaving the zygote's user behind; the process must still own its files in /proc.
    os.setresgid(1000, 1000, 1000)
    os.setresuid(1000, 1000, 1000)
    protection.dumpable(True)
    sys_.mount(None, '/', None, sys_.MS_REC | sys_.MS_PRIVATE)
    sys_.mount('proc', '/proc', 'proc', sys_.MS_NOSUID | sys_.MS_NODEV | sys_.MS_NOEXEC)
    for device in _DEVICES:
        flags = sys_.MS_REMOUNT | sys_.MS_BIND | sys_.MS_RDONLY | sys_.MS_NOSUID
        sys_.mount(None, f'/dev/{device}', None, flags)
    for path in _MASKED:
        sys_.mount('/dev/null', path, None, sys_.MS_BIND)
    _tmpfs('/dev/shm', sizes['shmBytes'], 2000, 1777)
    # Terminals are one pool for the whole host: without `max` a sandbox could take all of it.
    terminals = 'newinstance,ptmxmode=0666,mode=620,max=16'
    sys_.mount('devpts', '/dev/pts', 'devpts', sys_.MS_NOSUID | sys_.MS_NOEXEC, terminals)
    _tmpfs(workspace.WORKSPACE, sizes['workspaceBytes'], sizes['workspaceFiles'], 755)
    _tmpfs('/tmp', sizes['tmpBytes'], 20000, 1777)
    # XDG_CONFIG_HOME. LibreOffice takes the user's home for its profile, which holds the user's files, unless the folder is there.
    os.mkdir('/tmp/.config', 0o700)
    sys_.set_hostname('sandbox')
    _loopback_up()
    os.chdir(workspace.WORKSPACE)
    os.environ['PWD'] = workspace.WORKSPACE
    os.umask(0o022)


def lock_down(seccomp, open_files):
    """Gives up everything the sandbox could still do to its own walls. Nothing of the above can be repeated after it."""
    for name, value in (
        # Not 0: where the host pipes core dumps into a program of its own, only 1 keeps a crash from starting it.
        ('CORE', 1),
        ('NOFILE', open_files),
        ('MEMLOCK', 65536),
        ('MSGQUEUE', 0),
        ('SIGPENDING', 1024),
        ('NICE', 0),
        ('RTPRIO', 0),
    ):
        limit = getattr(resource, f'RLIMIT_{name}')
        resource.setrlimit(limit, (value, value))
    sys_.drop_capabilities()
    sys_.no_new_privileges()
    seccomp.install()
