"""Reducers for open files: opened again at their position. What a program has written and not flushed comes along."""

import io
import os
import stat

from .losses import CannotKeep, refuse

# Descriptors of files that were open for writing when the fork was made, with {path, position, mode}: see `part_with_files`.
_writable = {}


def part_with_files(kept):
    """In a fork: nothing that happens here may reach what the kernel has open for writing. `kept`: descriptors that stay."""
    _writable.clear()
    nowhere = os.open('/dev/null', os.O_RDWR)
    for name in os.listdir('/proc/self/fd'):
        fd = int(name)
        if fd in kept or fd == nowhere:
            continue
        try:
            mode = os.fstat(fd).st_mode
            flags = _flags_of(fd)
            if stat.S_ISREG(mode) and flags & os.O_ACCMODE == os.O_RDONLY or stat.S_ISDIR(mode):
                continue
            if stat.S_ISREG(mode):
                _writable[fd] = {'path': os.readlink(f'/proc/self/fd/{fd}'), 'position': os.lseek(fd, 0, os.SEEK_CUR), 'flags': flags}
            os.dup2(nowhere, fd, inheritable=False)
        except OSError:
            pass  # It is closed.
    os.close(nowhere)


def _flags_of(fd):
    with open(f'/proc/self/fdinfo/{fd}') as file:
        for line in file:
            if line.startswith('flags:'):
                return int(line.split()[1], 8)
    return 0


def _reduce_file(file):
    if file.closed:
        return make_closed, (type(file).__name__, _name_of(file), getattr(file, 'mode', None), getattr(file, 'encoding', None))
    fd = file.fileno()
    if fd in _writable:
        return _reduce_written(file, fd)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise CannotKeep('it is no file of a folder')
    path = _kept_path(os.readlink(f'/proc/self/fd/{fd}'))
    return make_reader, (*_layers(file), _name_of(file), path, file.tell())


def _reduce_written(file, fd):
    """The buffers of a file that is written are emptied into a pipe of this process, never into the file."""
    found = _writable[fd]
    path = _kept_path(found['path'])
    if found['flags'] & os.O_ACCMODE == os.O_RDWR:
        # What was read ahead: the position is the reader's, not the descriptor's.
        raise CannotKeep('it is read and written')
    layers = _layers(file)
    pending = _pending(file, fd)
    return make_writer, (*layers, _name_of(file), path, found['position'], bool(found['flags'] & os.O_APPEND), pending)


def _pending(file, fd):
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        os.dup2(writing, fd, inheritable=False)
        file.flush()
        parts = []
        while True:
            try:
                part = os.read(reading, 1 << 16)
            except BlockingIOError:
                return b''.join(parts)
            parts.append(part)
    finally:
        os.close(reading)
        os.close(writing)


def _kept_path(path):
    if path.endswith(' (deleted)'):
        raise CannotKeep('its file is gone')
    if not path.startswith('/mnt/data/') and not os.path.isfile(path):
        raise CannotKeep('its file is gone')
    if path.startswith(('/tmp/', '/dev/', '/proc/')):
        raise CannotKeep('its file goes with the sandbox')
    return path


def _name_of(file):
    name = getattr(file, 'name', None)
    return name if isinstance(name, (str, bytes, int)) else None


def _layers(file):
    """(kind of file, how its text is written or None)."""
    if isinstance(file, io.TextIOWrapper):
        if not isinstance(file.buffer, (io.BufferedReader, io.BufferedWriter, io.BufferedRandom)):
            raise CannotKeep('it is made over another file')
        text = {'encoding': file.encoding, 'errors': file.errors, 'line_buffering': file.line_buffering}
        return 'TextIOWrapper', {'text': text, 'mode': file.mode if hasattr(file, 'mode') else None}
    return type(file).__name__, None


def make_reader(kind, text, name, path, position):
    raw = open(path, 'rb', buffering=0)
    file = _layered(raw, kind, text, io.BufferedReader)
    file.seek(position)
    return _named(file, raw, name)


def make_writer(kind, text, name, path, position, appends, pending):
    raw = io.FileIO(path, 'a' if appends else 'w', opener=lambda path, flags: os.open(path, flags & ~os.O_TRUNC, 0o666))
    if not appends:
        raw.seek(position)
    # Nothing goes to the file before the session has it flushed: it may be a trial.
    buffered = io.BufferedWriter(raw, max(len(pending) + 1, io.DEFAULT_BUFFER_SIZE))
    if pending:
        buffered.write(pending)
    return _named(_layered(raw, kind, text, lambda _: buffered), raw, name)


def _layered(raw, kind, text, buffered):
    if kind == 'FileIO':
        return raw
    file = buffered(raw)
    if kind != 'TextIOWrapper':
        return file
    wrapped = io.TextIOWrapper(file, **text['text'])
    if text['mode'] is not None:
        wrapped.mode = text['mode']
    return wrapped


def make_closed(kind, name, mode, encoding):
    raw = open(os.devnull, 'rb', buffering=0)
    file = _layered(raw, kind, {'text': {'encoding': encoding or 'utf-8'}, 'mode': mode}, io.BufferedReader)
    _named(file, raw, name)
    file.close()
    return file


def _named(file, raw, name):
    if name is not None and not isinstance(name, int):
        raw.name = name
    return file


EXACT = {
    io.TextIOWrapper: _reduce_file,
    io.BufferedReader: _reduce_file,
    io.BufferedWriter: _reduce_file,
    io.BufferedRandom: _reduce_file,
    io.FileIO: _reduce_file,
}
DERIVED = {
    'tempfile._TemporaryFileWrapper': refuse('its file goes with the sandbox'),
    'tempfile.TemporaryDirectory': refuse('its folder goes with the sandbox'),
    'tempfile.SpooledTemporaryFile': refuse('its file goes with the sandbox'),
    'zipfile.ZipFile': refuse('it is an open archive'),
    'tarfile.TarFile': refuse('it is an open archive'),
    'mmap.mmap': refuse('it is a file in memory'),
    'select.epoll': refuse('it watches files'),
    '_csv.reader': refuse('it is in the middle of its file'),
    '_csv.writer': refuse('it belongs to a file'),
}
