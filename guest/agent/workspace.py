"""The user's folder, and the files that the service puts there."""

import os
import signal

from . import frames

WORKSPACE = '/mnt/data'


def write(command, order):
    """Writes the file of a `write` order; its bytes are read from `command`. Returns a sentence when that failed, else None.

    The service has checked the path. The workspace may belong to a running program, so whatever it has put there, a pipe for
    example, must not block this process.
    """
    path = os.path.join(WORKSPACE, order['path'])
    left = order['size']
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(path, flags, 0o644)
        try:
            while left:
                # From the pipe into the file without a copy in between: compiled programs have megabytes and come with every run.
                part = os.splice(command, fd, left)
                if not part:
                    raise frames.Closed
                left -= part
            os.fchmod(fd, order['mode'])
        finally:
            os.close(fd)
    except OSError as error:
        while left:
            left -= len(frames.read_exactly(command, min(left, 1 << 20)))
        return f'{order["path"]}: {error.strerror}'
    return None


def remove(path):
    """Removes one file of the workspace, if it is there."""
    try:
        os.unlink(os.path.join(WORKSPACE, path))
    except OSError:
        pass


def remove_source_when_told(env):
    """SIGUSR1 of a program that begins with this environment says that its interpreter has the source open: the file is removed."""
    path = env.get('DRAGOMAN_ENTRY')
    if path:
        signal.signal(signal.SIGUSR1, lambda *_: remove(path))


def open_folder(folder):
    """Opens a kernel's working directory, made where it is missing. Relative paths start at the workspace. Raises OSError."""
    path = os.path.join(WORKSPACE, folder)
    os.makedirs(path, exist_ok=True)
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
