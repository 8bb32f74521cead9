"""Watches directories: looks at them again and again, because a sandbox may not use inotify, whose watches are counted for all users
of the host together. Nothing is looked at unless the service waits for changes. What comes and goes between two looks is not seen.
What was seen is kept until the service asks for it, within bounds; beyond them an overflow is told.
"""

import errno
import os
import stat
import time

from .file_operations import TEMPORARY

_LOOK_S = 0.15
# A large tree is looked at less often: for this part of the time.
_SHARE = 0.1
_MOST_WATCHES = 16
# In one tree.
_MOST_ENTRIES = 5000
# Of one watch, waiting to be asked for.
_MOST_CHANGES = 2000
# Of one answer: characters, each of which JSON may write as six.
_BATCH = 80_000


class _Watch:
    def __init__(self, root, recursive):
        self.root = root
        self.recursive = recursive
        self.seen, self.is_partial = _look(root, recursive)
        self.changes = []
        self.is_overflowing = False
        self.asked = None  # number of the order that waits for changes

    def look(self):
        try:
            seen, is_partial = _look(self.root, self.recursive)
        except OSError:
            seen, is_partial = {}, False  # It is gone, and all that was in it.
        before, self.seen = self.seen, seen
        if is_partial and not self.is_partial:
            self._overflow()
        self.is_partial = is_partial
        at = {one[0]: path for path, one in seen.items() if path not in before}
        for path, one in before.items():
            if path not in seen:
                self._keep('renamed' if one[0] in at else 'removed', path)
        for path, one in seen.items():
            known = before.get(path)
            if known is None or known[0] != one[0]:
                self._keep('created', path)
                if known is None and one[2] > 0 and not stat.S_ISDIR(one[3]):
                    self._keep('written', path)
            elif not stat.S_ISDIR(one[3]) and known[1:3] != one[1:3]:
                self._keep('written', path)
            elif known[3] != one[3]:
                self._keep('mode', path)

    def take(self):
        """What was seen, as far as it goes into one answer."""
        taken, size = [], 0
        for change, path in self.changes:
            taken.append({'change': change, 'path': path})
            size += len(path) + 20
            if size >= _BATCH:
                break
        del self.changes[: len(taken)]
        self.is_overflowing = self.is_overflowing and bool(self.changes)
        return {'changes': taken, 'more': bool(self.changes)}

    def _keep(self, change, path):
        if len(self.changes) >= _MOST_CHANGES:
            self._overflow()
        else:
            self.changes.append((change, path))

    def _overflow(self):
        if not self.is_overflowing:
            self.is_overflowing = True
            self.changes.append(('overflow', ''))


class Watches:
    def __init__(self):
        self._by_number = {}
        self._look_at = 0.0

    def add(self, number, path, recursive):
        if len(self._by_number) >= _MOST_WATCHES:
            raise OSError(errno.EMFILE, 'too many watches at once')
        if not stat.S_ISDIR(os.stat(path).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        self._by_number[number] = _Watch(os.path.realpath(path), recursive)

    def end(self, number):
        self._by_number.pop(number, None)

    def ask(self, number, order):
        """Its changes are the answer to this order, once there are any."""
        if number not in self._by_number:
            raise OSError(errno.EBADF, 'it is not watched any more')
        self._by_number[number].asked = order

    def look_in(self):
        """Milliseconds until the next look, for poll; None when nothing is waited for."""
        if not any(watch.asked is not None for watch in self._by_number.values()):
            return None
        return max(0, int((self._look_at - time.monotonic()) * 1000) + 1)

    def look(self):
        begun = time.monotonic()
        for watch in self._by_number.values():
            watch.look()
        ended = time.monotonic()
        self._look_at = ended + max(_LOOK_S, (ended - begun) / _SHARE)

    def due(self):
        """Looks where it is time. Returns [(number of an order, {changes, more})] that can be answered now."""
        if time.monotonic() >= self._look_at:
            self.look()
        answers = []
        for watch in self._by_number.values():
            if watch.asked is None or not watch.changes:
                continue
            answers.append((watch.asked, watch.take()))
            watch.asked = None
        return answers


def _look(root, recursive):
    """({path: (inode, time of the last write, size, mode)}, whether there are too many to see all). Links are not followed."""
    seen = {}
    waiting = ['']
    while waiting:
        folder = waiting.pop()
        try:
            entries = os.scandir(os.path.join(root, folder))
        except OSError:
            if folder == '':
                raise
            continue
        with entries:
            for entry in entries:
                if len(seen) >= _MOST_ENTRIES:
                    return seen, True
                if entry.name.startswith(TEMPORARY):
                    continue  # A write of the service that is under way.
                path = os.path.join(folder, entry.name)
                try:
                    found = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                seen[path] = (found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode)
                if recursive and stat.S_ISDIR(found.st_mode):
                    waiting.append(path)
    return seen, False
