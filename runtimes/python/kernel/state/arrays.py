"""Reducers for arrays: a view goes on sharing the memory of its base."""

import sys


def _reduce_array(array):
    base = array.base
    numpy = sys.modules['numpy']
    if type(base) is memoryview and type(base.obj) is bytearray:
        base = base.obj
    if type(base).__name__ == 'DummyArray':
        # Of `as_strided` and what is made with it.
        base = base.base
    # The one that has the memory, past views of views.
    while type(base) is numpy.ndarray and base.base is not None and type(base.base) in (numpy.ndarray, bytearray):
        base = base.base
    if base is None or array.dtype.hasobject and type(base) is not numpy.ndarray:
        return _reduce_copy(array)
    if type(base) is numpy.ndarray and not (base.flags.c_contiguous or base.flags.f_contiguous):
        return _reduce_copy(array)
    if type(base) is numpy.ndarray and array.size and base.dtype.hasobject == array.dtype.hasobject:
        start = array.ctypes.data - base.ctypes.data
    elif type(base) is bytearray and array.size:
        start = array.ctypes.data - numpy.frombuffer(base, 'u1').ctypes.data
    else:
        return _reduce_copy(array)
    return make_view, (base, start, array.shape, array.strides, array.dtype, array.flags.writeable)


def _reduce_copy(array):
    made = array.__reduce_ex__(5)
    if array.flags.writeable or array.flags.c_contiguous or array.flags.f_contiguous or len(made) != 2:
        return made
    # What is copied to be contiguous would come back writeable.
    return make_readonly, tuple(made)


def make_readonly(make, arguments):
    array = make(*arguments)
    array.flags.writeable = False
    return array


def make_view(base, start, shape, strides, dtype, writeable):
    import numpy

    if isinstance(base, bytearray):
        array = numpy.ndarray(shape, dtype, base, start, strides)
    elif dtype.hasobject:
        flat = base.ravel(order='K')[start // base.itemsize :]
        array = numpy.lib.stride_tricks.as_strided(flat, shape, strides)
    else:
        flat = base.view() if base.flags.c_contiguous else base.T
        array = numpy.ndarray(shape, dtype, flat, start, strides)
    if not writeable:
        array.flags.writeable = False
    return array


def _reduce_mapped(array):
    """A file as an array: opened again. One that is a part or a result of another is saved as what it holds."""
    import mmap
    import numpy

    if not isinstance(array.base, mmap.mmap) or array.filename is None:
        return numpy.array(array).__reduce_ex__(5)
    order = 'F' if array.flags.f_contiguous and not array.flags.c_contiguous else 'C'
    mode = 'r+' if array.mode == 'w+' else array.mode
    return make_mapped, (str(array.filename), array.dtype, mode, array.offset, array.shape, order)


def make_mapped(path, dtype, mode, offset, shape, order):
    import numpy

    return numpy.memmap(path, dtype, mode, offset, shape, order)


EXACT = {'numpy.ndarray': _reduce_array, 'numpy.memmap': _reduce_mapped, 'numpy.core.memmap.memmap': _reduce_mapped}
DERIVED = {}
