"""Listings of archives. Nothing is unpacked to a file, and names stay text."""

import tarfile
import time
import zipfile

from .document import Document, Part, Refused, clip
from .tables import make

_MOST_ENTRIES = 2000
# An archive in one compressed piece is read for so long, in seconds.
_PATIENCE = 3


def read_zip(request):
    try:
        with zipfile.ZipFile(request.path) as archive:
            entries = [(entry.filename, entry.file_size, entry.date_time, entry.is_dir(), bool(entry.flag_bits & 1)) for entry in archive.infolist()]
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError):
        raise Refused('corrupt') from None
    files = [(name, size, '{:04}-{:02}-{:02} {:02}:{:02}'.format(*when[:5])) for name, size, when, is_folder, _ in entries if not is_folder]
    locked = sum(1 for *_, is_locked in entries if is_locked)
    return _document(request, 'zip', files, len(files), True, locked)


class _Late(Exception):
    """Reading takes too long."""


class _Timed:
    """A file that is read until a deadline: what is packed in one piece may be endless."""

    def __init__(self, file, deadline):
        self._file = file
        self._deadline = deadline

    def read(self, size):
        if time.monotonic() > self._deadline:
            raise _Late
        # Of what is packed a thousand times smaller, a little is much.
        return self._file.read(min(size, 4096))


def read_tar(request):
    files, count, whole = [], 0, True
    deadline = time.monotonic() + _PATIENCE
    try:
        with open(request.path, 'rb') as file, tarfile.open(fileobj=_Timed(file, deadline), mode='r|*', bufsize=512) as archive:
            for entry in archive:
                if entry.isfile():
                    count += 1
                    if len(files) < request.offset + _MOST_ENTRIES:
                        files.append((entry.name, entry.size, time.strftime('%Y-%m-%d %H:%M', time.gmtime(min(max(entry.mtime, 0), 4e9)))))
                archive.members.clear()
                if time.monotonic() > deadline or count >= 200_000:
                    whole = False
                    break
    except _Late:
        whole = False
    except (tarfile.TarError, EOFError, OSError, ValueError):
        raise Refused('corrupt') from None
    return _document(request, 'tar', files, count, whole, 0)


def read_7z(request):
    try:
        import py7zr
    except ImportError:
        raise Refused('unavailable', 'py7zr') from None
    try:
        with py7zr.SevenZipFile(request.path) as archive:
            entries = [each for each in archive.list() if not each.is_directory]
            locked = len(entries) if archive.needs_password() else 0
    except py7zr.exceptions.PasswordRequired:
        raise Refused('encrypted') from None
    except (py7zr.exceptions.ArchiveError, OSError, EOFError):
        raise Refused('corrupt') from None
    files = [(each.filename, each.uncompressed, str(each.creationtime or '')[:16]) for each in entries]
    return _document(request, '7z', files, len(files), True, locked)


def _document(request, kind, files, count, whole, locked):
    rows = [[clip(name, 300), size, when] for name, size, when in files[: request.offset + _MOST_ENTRIES]]
    table = make('', ['name', 'bytes', 'changed'], rows, count if whole else None, request.offset)
    total = sum(size for _, size, _ in files)
    entries = [{'name': clip(name, 200), 'size': max(0, int(size))} for name, size, _ in files[:100]]
    facts = {'entry_count': count if whole else None, 'entries': entries}
    details = {'format': kind, 'unpacked bytes': total if whole and len(files) == count else None, 'locked entries': locked or None}
    return Document('archive', facts, [Part('table', table=table)], details)
