"""What is done with files for the service, at any path that the sandbox's user may reach. Paths are the sandbox's own affair.

Every function takes an order and returns what its answer holds; it raises OSError. Reading and writing go by handles, so that each
step is short: `open` or `create`, then pieces, then `close` or `commit`. What is written goes to a temporary file beside its place.
"""

import errno
import grp
import os
import pwd
import stat

# Bytes of a piece.
PIECE = 1 << 17
# Of one answer: characters of its entries, each of which JSON may write as six.
_BATCH = 80_000
_MOST_HANDLES = 128
# The service passes over names that begin so when it looks for what changed in a workspace.
TEMPORARY = '.dragoman-writes-'

_KINDS = {stat.S_IFREG: 'file', stat.S_IFDIR: 'directory', stat.S_IFLNK: 'symlink'}
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Handles:
    """What is open between two orders, by the number of the order that opened it."""

    def __init__(self):
        self._open = {}

    def add(self, number, handle):
        if len(self._open) >= _MOST_HANDLES:
            handle.close()
            raise OSError(errno.EMFILE, 'too many files are open at once')
        self._open[number] = handle
        return handle

    def get(self, number):
        if number not in self._open:
            raise OSError(errno.EBADF, 'it is not open any more')
        return self._open[number]

    def close(self, number):
        handle = self._open.pop(number, None)
        if handle is not None:
            handle.close()


class Reader:
    def __init__(self, path):
        # What is not a file must not be opened: a pipe would answer the process at its other end.
        _require_file(os.stat(path))
        self._fd = os.open(path, _READ)
        try:
            found = os.fstat(self._fd)
            _require_file(found)
            # The size of a file of /proc is not known before it is read.
            self.size = found.st_size or (None if os.pread(self._fd, 1, 0) else 0)
        except BaseException:
            os.close(self._fd)
            raise

    def read(self, at, size):
        return os.pread(self._fd, min(size, PIECE), at)

    def close(self):
        os.close(self._fd)


class Writer:
    def __init__(self, path, mode):
        # A link is written through, as an editor does.
        self._path = os.path.realpath(path)
        try:
            before = os.stat(self._path)
            _require_file(before)
            self._mode = stat.S_IMODE(before.st_mode) & 0o777 if mode is None else mode
        except FileNotFoundError:
            self._mode = 0o644 if mode is None else mode
        if not os.path.basename(self._path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        folder = os.path.dirname(self._path)
        os.makedirs(folder, exist_ok=True)
        self._temporary = os.path.join(folder, TEMPORARY + os.urandom(8).hex())
        self._fd = os.open(self._temporary, _CREATE, 0o600)

    def write(self, content):
        view = memoryview(content)
        while view:
            view = view[os.write(self._fd, view) :]

    def commit(self):
        os.fchmod(self._fd, self._mode)
        os.rename(self._temporary, self._path)
        self._temporary = None
        return self._path

    def close(self):
        os.close(self._fd)
        if self._temporary is not None:
            try:
                os.unlink(self._temporary)
            except OSError:
                pass


class Lister:
    """Walks a directory, in batches."""

    def __init__(self, path, depth, most):
        if not os.path.isdir(path):
            os.stat(path)
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        self._left = most
        self.truncated = False
        self._walk = self._below(path, depth)

    def next(self):
        """{entries, more, truncated}"""
        entries, size = [], 0
        for one in self._walk:
            entries.append(one)
            size += len(one['path']) + len(one['name']) + len(one['target'] or '') + 100
            if size >= _BATCH:
                return {'entries': entries, 'more': True, 'truncated': self.truncated}
        return {'entries': entries, 'more': False, 'truncated': self.truncated}

    def close(self):
        self._walk.close()

    def _below(self, path, depth):
        try:
            names = sorted(os.listdir(path))
        except OSError:
            return  # It is gone, or may not be read.
        for name in names:
            if name.startswith(TEMPORARY):
                continue
            if self._left <= 0:
                self.truncated = True
                return
            try:
                one = entry(os.path.join(path, name))
            except OSError:
                continue
            self._left -= 1
            yield one
            if depth > 1 and one['kind'] == 'directory':
                yield from self._below(one['path'], depth - 1)


def entry(path):
    """A path as the service tells of it."""
    path = os.path.normpath(os.path.abspath(path))
    found = os.lstat(path)
    kind = _kind(found)
    target = target_kind = None
    if kind == 'symlink':
        target = os.readlink(path)
        try:
            target_kind = _kind(os.stat(path))
        except OSError:
            pass
    return {
        'path': path,
        'name': os.path.basename(path),
        'kind': kind,
        'targetKind': target_kind,
        'target': target,
        'size': found.st_size,
        'mode': stat.S_IMODE(found.st_mode),
        'modifiedAt': found.st_mtime_ns // 1_000_000,
        'user': _name(pwd.getpwuid, found.st_uid),
        'group': _name(grp.getgrgid, found.st_gid),
    }


def make_directory(path):
    try:
        os.makedirs(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise NotADirectoryError(errno.ENOTDIR, 'something else is there') from None
        raise
    return entry(path)


def move(source, destination):
    os.lstat(source)
    folder = os.path.dirname(os.path.normpath(os.path.abspath(destination)))
    os.makedirs(folder, exist_ok=True)
    try:
        os.rename(source, destination)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _move_over(source, destination)
    return entry(destination)


def remove(path):
    if stat.S_ISDIR(os.lstat(path).st_mode):
        import shutil

        shutil.rmtree(path)
    else:
        os.unlink(path)


def _move_over(source, destination):
    """Moves to another file system: first as a copy beside its place."""
    import shutil

    temporary = os.path.join(os.path.dirname(os.path.abspath(destination)), TEMPORARY + os.urandom(8).hex())
    try:
        if stat.S_ISDIR(os.lstat(source).st_mode):
            shutil.copytree(source, temporary, symlinks=True)
        else:
            if not os.path.islink(source):
                _require_file(os.stat(source))
            shutil.copy2(source, temporary, follow_symlinks=False)
        os.rename(temporary, destination)
    except shutil.Error as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise OSError(errno.EIO, f'not everything could be copied: {str(error)[:200]}') from None
    except BaseException:
        if os.path.isdir(temporary):
            shutil.rmtree(temporary, ignore_errors=True)
        elif os.path.lexists(temporary):
            os.unlink(temporary)
        raise
    remove(source)


def _kind(found):
    return _KINDS.get(stat.S_IFMT(found.st_mode), 'other')


def _require_file(found):
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, 'it is not a regular file')


def _name(find, number):
    try:
        return find(number)[0]
    except KeyError:
        return str(number)
