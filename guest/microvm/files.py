"""The workspace of the sandbox, read for the host. What is told here is a claim like any other: the host bounds and checks it.

No name is followed: each step opens one name below a directory's descriptor, and a link is no file.
"""

import contextlib
import os
import stat

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_DIRECTORY = _FILE | os.O_DIRECTORY


def _stamp(status):
    """The change time is the kernel's: a program cannot set it."""
    return f'{status.st_ino}:{status.st_ctime_ns}:{status.st_size}'


class Workspace:
    def __init__(self, pid):
        self._root = os.open(f'/proc/{pid}/root/mnt/data', _DIRECTORY)
        self._open = {}

    def walk(self, entries, depth, caches):
        """Yields ('file', path, size, mode, stamp), ('folder', path) of folders that hold nothing, ('cache', path) and ('cut',). Paths are bytes."""
        left = [entries]
        yield from self._visit(self._root, b'', 1, left, depth, frozenset(name.encode() for name in caches))

    def _visit(self, directory, prefix, level, left, depth, caches):
        for name in os.listdir(directory):
            name = os.fsencode(name)
            left[0] -= 1
            if left[0] < 0:
                yield ('cut',)
                return
            path = prefix + name
            try:
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            except OSError:
                continue
            is_folder = stat.S_ISDIR(status.st_mode)
            if not is_folder and not stat.S_ISREG(status.st_mode):
                continue
            if is_folder and name in caches:
                yield ('cache', path)
            elif level > depth:
                yield ('cut',)
            elif is_folder:
                yield from self._enter(directory, name, path, level, left, depth, caches)
            else:
                yield ('file', path, status.st_size, stat.S_IMODE(status.st_mode), _stamp(status))

    def _enter(self, directory, name, path, level, left, depth, caches):
        try:
            child = os.open(name, _DIRECTORY, dir_fd=directory)
        except OSError:
            return
        try:
            holds = False
            for found in self._visit(child, path + b'/', level + 1, left, depth, caches):
                holds = holds or found[0] in ('file', 'folder')
                yield found
            if not holds:
                yield ('folder', path)
        finally:
            os.close(child)

    def open(self, handle, path):
        """Returns size, mode and stamp, or None where there is no such regular file."""
        *folders, name = path.split(b'/')
        directory = os.dup(self._root)
        try:
            for folder in folders:
                child = os.open(folder, _DIRECTORY, dir_fd=directory)
                os.close(directory)
                directory = child
            fd = os.open(name, _FILE, dir_fd=directory)
        except OSError:
            return None
        finally:
            os.close(directory)
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            os.close(fd)
            return None
        self._open[handle] = fd
        return status.st_size, stat.S_IMODE(status.st_mode), _stamp(status)

    def read(self, handle, at, count):
        return os.pread(self._open[handle], count, at)

    def close(self, handle):
        with contextlib.suppress(KeyError):
            os.close(self._open.pop(handle))
