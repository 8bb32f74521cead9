"""Forks without the interpreter's fork hooks: the helper makes them (native.py).

These repair what other threads may have left half done, and write to 150 pages that parent and child then no longer share. Our forks
happen with one thread. What libraries have registered is done all the same (`after_fork`): matplotlib, for example, opens its fonts
again. All hooks stay registered: they run when a program forks itself.
"""

import contextlib
import os
import sys

# What libraries want done in a fork, in their order.
_of_libraries = []


@contextlib.contextmanager
def watched():
    """Remembers what modules that are imported meanwhile want done in a fork. Those of the standard library repair locks and seeds."""
    register = os.register_at_fork

    def remember(**hooks):
        register(**hooks)
        module = sys._getframe(1).f_globals.get('__name__', '').split('.')[0]
        if 'after_in_child' in hooks and module not in sys.stdlib_module_names:
            _of_libraries.append(hooks['after_in_child'])

    os.register_at_fork = remember
    try:
        yield
    finally:
        os.register_at_fork = register


def after_fork(seed):
    """In a fork, before it uses a library: its seeds, the number of its thread, and what libraries want done. `seed`: bytes, or None."""
    if 'random' in sys.modules:
        sys.modules['random'].seed(None if seed is None else int.from_bytes(seed))
    if 'threading' in sys.modules:
        sys.modules['threading'].main_thread()._set_native_id()
    for hook in _of_libraries:
        hook()
