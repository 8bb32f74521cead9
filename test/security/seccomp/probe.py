"""Makes the system calls listed on standard input as [number, [arguments]] and prints the errno of each, 0 for success."""

import ctypes
import json
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def attempt(number, arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_ulong(argument) for argument in arguments))
    return ctypes.get_errno() if result == -1 else 0


print(json.dumps([attempt(number, arguments) for number, arguments in json.load(sys.stdin)]))
