"""Puts the memory of a large zygote on huge pages: a fork then copies an entry where it copied 512."""

import ctypes
import re

_libc = ctypes.PyDLL(None, use_errno=True)
_MADV_NOHUGEPAGE = 15
_MADV_COLLAPSE = 25
_HUGE = 2 << 20
# Below this, splitting huge pages again costs what the fork has saved.
_LEAST = 32 << 20


def collapse():
    """Of this process' private memory. Without effect where there is little of it, or where the kernel cannot (before Linux 6.1)."""
    areas = list(_heaps())
    if sum(end - start for start, end in areas) < _LEAST:
        return
    for start, end in areas:
        first, last = -(-start // _HUGE) * _HUGE, end // _HUGE * _HUGE
        if first >= last:
            continue
        # One by one: a refusal of one is none of the others.
        for at in range(first, last, _HUGE):
            _libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(_HUGE), _MADV_COLLAPSE)
        # What a fork writes to becomes a small page of its own.
        _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_NOHUGEPAGE)


def _heaps():
    """(start, end) of each private writable area without a file, the heap of the C library included."""
    with open('/proc/self/maps') as file:
        for line in file:
            match = re.match(r'([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0\s*(\[heap\])?$', line)
            if match:
                yield int(match[1], 16), int(match[2], 16)
