"""How the memory of a zygote lies, so that its forks copy little of it."""

import ctypes
import os
import re
import struct
import traceback

from . import native

_libc = ctypes.PyDLL(None, use_errno=True)
_MADV_DONTNEED = 4
_MADV_NOHUGEPAGE = 15
_MADV_POPULATE_READ = 22
_MADV_POPULATE_WRITE = 23
_MADV_COLLAPSE = 25
_HUGE = 2 << 20
# Below this, splitting huge pages again costs what the fork has saved.
_LEAST = 32 << 20
# Of the C library, what malloc gives at least.
_SMALLEST_GAP = 24
# Of Python's allocator (Objects/obmalloc.c).
_POOL = 16 << 10
_POOL_STEP = 16
_LARGEST_IN_POOL = 512
_FEW = 4


# Areas that this process had when it was last settled. A zygote that is derived from it has them too, and shares them.
_settled = []


def collapse():
    """Puts this process' private memory on huge pages: a fork then copies an entry where it copied 512. Without effect where there is little
    of it, or where the kernel cannot (before Linux 6.1). What a zygote shares with the one that it is derived from stays shared."""
    global _settled
    blocks = [block for area in _heaps() for block in _blocks(*area)]
    if len(blocks) * _HUGE >= _LEAST:
        # One by one: a refusal of one is none of the others.
        for at in blocks:
            _libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(_HUGE), _MADV_COLLAPSE)
        # What a fork writes to becomes a small page of its own.
        for start, end in _heaps():
            _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_NOHUGEPAGE)
    _settled = list(_heaps())


def _blocks(start, end):
    """Where huge pages lie in an area that share no memory with another zygote."""
    for at in range(-(-start // _HUGE) * _HUGE, end // _HUGE * _HUGE, _HUGE):
        if not any(first < at + _HUGE and at < last for first, last in _settled):
            yield at


def let_go_of_files():
    """Takes what loading has read of libraries out of this process' memory: a fork does not get it anyway, and finds it in the page cache.
    Only areas that are read-only and hold nothing of our own: a loader has written to some before it made them read-only."""
    with open('/proc/self/smaps') as file:
        for line in file:
            area = re.match(r'([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ (\d+)', line)
            if area:
                start, end = int(area[1], 16), int(area[2], 16)
                is_of_file = area[3] in ('r--p', 'r-xp') and area[4] != '0'
            elif is_of_file and re.match(r'Anonymous: +0 kB', line):
                _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)


def use_up_gaps():
    """Takes what is free between the memory that is given out, and keeps it: what a fork needs then comes from one place at the end, where it
    would otherwise copy a page for every gap that it uses."""
    # What loading needed for a moment goes back to the system first: taken here, it would stay.
    _libc.malloc_trim(ctypes.c_size_t(0))
    _use_up_pools()
    _libc.malloc.restype = ctypes.c_void_p
    _libc.free.argtypes = [ctypes.c_void_p]
    end = _libc.malloc(ctypes.c_size_t(120 << 10))
    size = 64 << 10
    while size >= _SMALLEST_GAP:
        place = _libc.malloc(ctypes.c_size_t(size))
        if place is None or place > end:
            _libc.free(place)
            size //= 2
    _libc.free(end)


def _use_up_pools():
    """The same of Python's own allocator, which has pools for each size and begins an empty one when no other of that size has room."""
    python = ctypes.pythonapi
    python.PyObject_Malloc.restype = ctypes.c_size_t
    python.PyObject_Malloc.argtypes = python.PyObject_Free.argtypes = [ctypes.c_size_t]
    for size in range(_POOL_STEP, _LARGEST_IN_POOL + 1, _POOL_STEP):
        pool = None
        while True:
            place = python.PyObject_Malloc(size)
            if place // _POOL != pool:
                pool = place // _POOL
                # A pool begins with the number of its blocks that are given out. A few are what these lines need themselves.
                if ctypes.c_uint32.from_address(pool * _POOL).value <= _FEW:
                    python.PyObject_Free(place)
                    break


def written_by(work):
    """Which memory a fork writes to when it does `work`: a list of (start, size, how the kernel is told to have it there). It is done in a
    fork, which ends with it."""
    return _used_by(work, _writable(), ())


def touched_by(work):
    """The same, and of files that nobody writes to what the fork reads."""
    return _used_by(work, _writable(), _of_files())


def _used_by(work, written, read):
    areas = [(start, end - start, _MADV_POPULATE_WRITE) for start, end in written]
    areas += ((start, end - start, _MADV_POPULATE_READ) for start, end in read)
    tell = native.prepare_to_tell_used(areas)
    reader, writer = os.pipe2(os.O_CLOEXEC)
    result = native.fork_and_wait()
    if result == 0:
        try:
            work()
            tell(writer)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    os.close(writer)
    with open(reader, 'rb') as answer:
        found = list(struct.iter_unpack('QQQ', answer.read()))
    if result < 0:
        raise RuntimeError('what a fork does first failed in one')
    return found


def take(pages):
    """Has these pages copied now and together, which costs a fraction of one fault for each. Without effect before Linux 5.14."""
    for start, size, advice in pages:
        _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), advice)


def _of_files():
    """(start, end) of each private area of a file that nobody writes to."""
    with open('/proc/self/maps') as file:
        for line in file:
            match = re.match(r'([0-9a-f]+)-([0-9a-f]+) r-[-x]p \S+ \S+ [1-9]', line)
            if match:
                yield int(match[1], 16), int(match[2], 16)


def _heaps():
    """(start, end) of each private writable area without a file, the heap of the C library included."""
    return _writable(r'\S+ \S+ 0\s*(\[heap\])?$')


def _writable(kind=''):
    """(start, end) of each private writable area whose line goes on as this pattern."""
    with open('/proc/self/maps') as file:
        for line in file:
            match = re.match(r'([0-9a-f]+)-([0-9a-f]+) rw-p ' + kind, line)
            if match:
                yield int(match[1], 16), int(match[2], 16)
