"""The user's folder, and the files that the service puts there."""

import os
import signal

from . import native

WORKSPACE = '/mnt/data'


def write(command, order):
    """Writes the file of a `write` order; its bytes are read from `command`. Returns a sentence when that failed, else None."""
    try:
        native.write(command, os.path.join(WORKSPACE, order['path']), order['size'], order['mode'], order.get('modified'))
    except OSError as error:
        return f'{order["path"]}: {error.strerror}'
    return None


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
