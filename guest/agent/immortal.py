"""Keeps the memory that sandboxes share with their zygote shared.

A fork shares every page with its parent until one of them writes to it, and Python writes to an object whenever it is used: it counts
references. Objects that are immortal (PEP 683) are not counted. They are what they were, but are never freed; `sys.getrefcount` of one
tells a large number.
"""

import ctypes
import gc
import struct
import sys
import types

# What a running function is made of changes hands and must be freed.
_MORTAL = (
    types.FrameType,
    types.GeneratorType,
    types.CoroutineType,
    types.AsyncGeneratorType,
    types.TracebackType,
)


def everything_loaded():
    """Makes immortal whatever can be reached from the objects that the garbage collector knows. Without effect before Python 3.12.

    What is immortal already is passed over, with all that it holds: not even the same number is written where a fork shares a page."""
    if sys.version_info < (3, 12) or struct.calcsize('P') != 8 or sys.byteorder != 'little':
        return
    count = ctypes.c_uint32
    forever = count.from_address(id(None)).value
    found = gc.get_objects()
    while found:
        new = []
        for each in found:
            number = count.from_address(id(each))
            if number.value != forever and not isinstance(each, _MORTAL):
                number.value = forever
                new.append(each)
        found = gc.get_referents(*new)
        # The collector does not know code; what it holds is used with every call.
        for each in new:
            if type(each) is types.CodeType:
                found += (each.co_consts, each.co_names, each.co_filename, each.co_name, each.co_qualname)
