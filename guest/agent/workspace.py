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
        fd = _open(path, flags)
        try:
            while left:
                # From the pipe into the file without a copy in between: compiled programs have megabytes and come with every run.
                part = os.splice(command, fd, left)
                if not part:
                    raise frames.Closed
                left -= part
            os.fchmod(fd, order['mode'])
            if 'modified' in order:
                os.utime(fd, (order['modified'] / 1000,) * 2)
        finally:
            os.close(fd)
    except OSError as error:
        while left:
            left -= len(frames.read_exactly(command, min(left, 1 << 20)))
        return f'{order["path"]}: {error.strerror}'
    return None


def _open(path, flags):
    """Opens a file to be written. One that a program has made read-only is replaced. Raises OSError."""
    try:
        return os.open(path, flags, 0o644)
    except PermissionError:
        os.unlink(path)
        return os.open(path, flags, 0o644)


def make_folder(path):
    """Makes a folder of the workspace. What is at its place stays, and then the folder is missing."""
    try:
        os.makedirs(os.path.join(WORKSPACE, path), exist_ok=True)
    except OSError:
        pass


def remove(path):
    """Removes one file or one empty folder of the workspace, if it is there."""
    path = os.path.join(WORKSPACE, path)
    try:
        os.unlink(path)
    except IsADirectoryError:
        try:
            os.rmdir(path)
        except OSError:
            pass
    except OSError:
        pass


def remove_source_when_told(env):
    """SIGUSR1 of a program that begins with this environment says that its interpreter has the source open: the file is removed."""
    path = env.get('_PROGRAM_SOURCE')
    if path:
        signal.signal(signal.SIGUSR1, lambda *_: remove(path))


def open_folder(folder):
    """Opens a kernel's working directory, made where it is missing. Relative paths start at the workspace. Raises OSError."""
    path = os.path.join(WORKSPACE, folder)
    os.makedirs(path, exist_ok=True)
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
